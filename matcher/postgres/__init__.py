"""PostgreSQL for the stores: pool, statements, errors, migrations, change feed.

Every SQL statement lives under `sql/`. Open `pool.py` first.
"""

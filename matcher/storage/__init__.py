"""PostgreSQL: embedded server, migrations, connection pool, repositories, and the translation of its errors.

May import matcher.services (ports) and matcher.domain; never geocoding, roads or settings: constructors take plain values.
Every SQL statement lives under `sql/`. Open `pool.py` first, then `offers.py`; `embedded.py` starts the server that a clone runs on.
"""

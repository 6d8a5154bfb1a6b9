"""Every SQL statement of the product, as data: nothing here is imported, everything is read through
importlib.resources.

`migrations/` is run in order and forward only; `queries/` holds the named statements that `matcher.storage` sends;
`server/` is what the embedded server is given once, before anybody may connect. Open `migrations/0001_offers.sql`
first.
"""

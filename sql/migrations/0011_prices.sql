-- What a seat costs from end to end, when its driver has said so.
--
-- A price has two columns, both or neither. Older versions of the service write neither, and read neither.

-- migrate:up

-- squawk-ignore-file prefer-bigint-over-int, prefer-bigint-over-smallint

SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

ALTER TABLE offers
ADD COLUMN price_minor integer,
ADD COLUMN price_currency text,
ADD CONSTRAINT offers_price_in_range CHECK (price_minor BETWEEN 0 AND 1000000000) NOT VALID,
ADD CONSTRAINT offers_price_has_currency CHECK ((price_minor IS NULL) = (price_currency IS NULL)) NOT VALID,
ADD CONSTRAINT offers_currency_is_code CHECK (price_currency ~ '^[A-Z]{3}$') NOT VALID;

COMMENT ON COLUMN offers.price_minor IS
'What the driver asks for a seat from end to end, in minor units of the currency; null for the suggestion.';
COMMENT ON COLUMN offers.price_currency IS 'Its currency, ISO 4217.';

-- migrate:down
-- Forward only: a mistake is corrected by the next migration.

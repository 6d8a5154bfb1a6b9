-- What a seat costs from end to end, when its driver has said so; what each booking costs its rider, and what it saves.
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

ALTER TABLE bookings
ADD COLUMN price_minor integer,
ADD COLUMN price_currency text,
ADD COLUMN price_kind text,
ADD COLUMN co2_saved_g integer NOT NULL DEFAULT 0,
ADD CONSTRAINT bookings_price_in_range CHECK (price_minor BETWEEN 0 AND 1000000000) NOT VALID,
ADD CONSTRAINT bookings_price_is_whole
CHECK ((price_minor IS NULL) = (price_currency IS NULL) AND (price_minor IS NULL) = (price_kind IS NULL)) NOT VALID,
ADD CONSTRAINT bookings_currency_is_code CHECK (price_currency ~ '^[A-Z]{3}$') NOT VALID,
ADD CONSTRAINT bookings_price_kind_known CHECK (price_kind IN ('driver', 'suggested')) NOT VALID,
ADD CONSTRAINT bookings_saving_positive CHECK (co2_saved_g >= 0) NOT VALID;

COMMENT ON COLUMN bookings.price_minor IS
'What the rider pays for all seats, agreed when they were asked for, in minor units; null where no cost of driving was known.';
COMMENT ON COLUMN bookings.price_currency IS 'Its currency, ISO 4217.';
COMMENT ON COLUMN bookings.price_kind IS 'Who named it: driver, or suggested.';
COMMENT ON COLUMN bookings.co2_saved_g IS
'The rider''s own car on the rider''s own way, less the detour of this booking, grams of CO2 equivalent, as of when it was confirmed, until then asked for.';

-- migrate:down
-- Forward only: a mistake is corrected by the next migration.

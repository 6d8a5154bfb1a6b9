-- Trips as strangers may know them (docs/decisions/0027-public-itinerary.md): the places in the columns of an offer become public
-- ones, and its driver's own places go into a column that nothing else reads. Older versions of the service write neither.

-- migrate:up

SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

ALTER TABLE offers
ADD COLUMN show_door boolean NOT NULL DEFAULT false,
ADD COLUMN doors jsonb,
ADD CONSTRAINT offers_doors_are_object CHECK (jsonb_typeof(doors) = 'object') NOT VALID,
ADD CONSTRAINT offers_shown_doors_are_public CHECK (NOT (show_door AND doors IS NOT NULL)) NOT VALID;

ALTER TABLE offer_stops ADD COLUMN at_door boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN offers.show_door IS 'The driver''s own places are public.';
COMMENT ON COLUMN offers.doors IS
'Where the driver really goes, for the driver alone: {origin, via, destination, lead_ms}; null where the places above are those.';
COMMENT ON COLUMN offer_stops.at_door IS
'The rider is met at the door, and edge and fraction are what stands for the doors around a public point.';

-- migrate:down
-- Forward only: a mistake is corrected by the next migration.

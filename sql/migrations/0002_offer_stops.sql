-- The stops that bookings add to a driver's trip, and how far they have moved its departure.
--
-- The driver's own `via` stays in `offers`: it is what the driver asked for. Once a rider is booked, the whole order of stops
-- is written here, the driver's own among them. A table and not a list in the row: a booking will point at its two stops.

-- migrate:up

-- Every number here is bounded by a check far below 2^31, and rows are read by the million when the index is loaded.
-- squawk-ignore-file prefer-bigint-over-int, prefer-bigint-over-smallint

SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

ALTER TABLE offers
ADD COLUMN departure_shift_ms integer NOT NULL DEFAULT 0
CONSTRAINT offers_departure_shift_in_range CHECK (departure_shift_ms BETWEEN -86400000 AND 86400000);

COMMENT ON COLUMN offers.departure_shift_ms IS
'How much later than depart_at the driver leaves because of bookings, milliseconds; negative for earlier.';

CREATE TABLE offer_stops (
    offer_id uuid NOT NULL,
    position smallint NOT NULL,
    kind text NOT NULL,
    lat double precision NOT NULL,
    lon double precision NOT NULL,
    label text NOT NULL,
    address text,
    edge integer NOT NULL,
    fraction double precision NOT NULL,
    road_distance_m double precision NOT NULL,
    booking_id uuid,
    seats smallint NOT NULL,
    earliest_at timestamptz,
    latest_at timestamptz,
    CONSTRAINT offer_stops_pk PRIMARY KEY (offer_id, position),
    CONSTRAINT offer_stops_of_offer FOREIGN KEY (offer_id) REFERENCES offers (id) ON DELETE CASCADE,
    CONSTRAINT offer_stops_position_in_range CHECK (position BETWEEN 1 AND 1000),
    CONSTRAINT offer_stops_kind_known CHECK (kind IN ('VIA', 'PICKUP', 'DROPOFF')),
    CONSTRAINT offer_stops_on_earth CHECK (lat BETWEEN -90 AND 90 AND lon BETWEEN -180 AND 180),
    CONSTRAINT offer_stops_on_edge CHECK (edge >= 0 AND fraction BETWEEN 0 AND 1),
    CONSTRAINT offer_stops_distance_positive CHECK (road_distance_m >= 0),
    CONSTRAINT offer_stops_booked_or_own CHECK ((kind = 'VIA') = (booking_id IS NULL AND seats = 0)),
    CONSTRAINT offer_stops_seats_in_range CHECK (seats BETWEEN 0 AND 50),
    CONSTRAINT offer_stops_promise_in_order CHECK (earliest_at <= latest_at)
);

COMMENT ON TABLE offer_stops IS
'The stops between origin and destination of an offer with bookings, the driver''s own among them; else none.';
COMMENT ON COLUMN offer_stops.offer_id IS 'Whose trip.';
COMMENT ON COLUMN offer_stops.position IS 'The order in which they are driven; 1 is the first after the origin.';
COMMENT ON COLUMN offer_stops.kind IS
'VIA was given by the driver; at a PICKUP a booked rider boards, at a DROPOFF one alights.';
COMMENT ON COLUMN offer_stops.lat IS 'Where it is, degrees north (WGS84).';
COMMENT ON COLUMN offer_stops.lon IS 'Where it is, degrees east (WGS84).';
COMMENT ON COLUMN offer_stops.label IS 'What that place is called.';
COMMENT ON COLUMN offer_stops.address IS 'What somebody typed; null when coordinates were given.';
COMMENT ON COLUMN offer_stops.edge IS 'The street piece of the region that the stop is on.';
COMMENT ON COLUMN offer_stops.fraction IS 'How far along that piece''s geometry, 0 to 1.';
COMMENT ON COLUMN offer_stops.road_distance_m IS 'Straight distance to that point of the road, metres.';
COMMENT ON COLUMN offer_stops.booking_id IS 'Whose booking; null for the driver''s own stop.';
COMMENT ON COLUMN offer_stops.seats IS 'How many seats it takes or frees; 0 for the driver''s own stop.';
COMMENT ON COLUMN offer_stops.earliest_at IS 'The rider was promised not to be there sooner; null without a promise.';
COMMENT ON COLUMN offer_stops.latest_at IS 'The rider was promised not to be there later; null without a promise.';

-- migrate:down
-- Forward only: a mistake is corrected by the next migration.

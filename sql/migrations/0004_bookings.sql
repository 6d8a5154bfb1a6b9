-- Bookings, and the database's own refusal to sell a seat twice (docs/decisions/0014-bookings.md).
--
-- What a confirmed booking takes of a trip is its two rows in offer_stops; here is what the rider and the driver have agreed.

-- migrate:up

-- Every number here is bounded by a check far below 2^31, as in the tables that it is compared with.
-- squawk-ignore-file prefer-bigint-over-int, prefer-bigint-over-smallint

SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

ALTER TABLE offers ADD COLUMN instant_booking boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN offers.instant_booking IS 'Bookings are confirmed at once, without asking the driver.';

CREATE TABLE bookings (
    id uuid NOT NULL CONSTRAINT bookings_pk PRIMARY KEY,
    offer_id uuid NOT NULL,
    driver_id text NOT NULL,
    rider_id text NOT NULL,
    status text NOT NULL,
    version integer NOT NULL,
    seats smallint NOT NULL,
    region_fingerprint text NOT NULL,
    pickup jsonb NOT NULL,
    pickup_at timestamptz NOT NULL,
    pickup_earliest_at timestamptz,
    pickup_latest_at timestamptz NOT NULL,
    dropoff jsonb NOT NULL,
    dropoff_at timestamptz NOT NULL,
    dropoff_earliest_at timestamptz,
    dropoff_latest_at timestamptz NOT NULL,
    offset_s integer NOT NULL,
    ride_ms bigint NOT NULL,
    ride_cm bigint NOT NULL,
    detour_ms bigint NOT NULL,
    detour_cm bigint NOT NULL,
    shared_cm bigint NOT NULL,
    note text NOT NULL,
    reply text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    due_at timestamptz,
    confirmed_at timestamptz,
    completed_at timestamptz,
    completed_by text,
    cancelled_by text,
    cancel_reason text,
    CONSTRAINT bookings_of_offer FOREIGN KEY (offer_id) REFERENCES offers (id) ON DELETE CASCADE,
    CONSTRAINT bookings_users_short
    CHECK (char_length(driver_id) BETWEEN 1 AND 200 AND char_length(rider_id) BETWEEN 1 AND 200),
    CONSTRAINT bookings_not_own CHECK (driver_id <> rider_id),
    CONSTRAINT bookings_status_known
    CHECK (status IN ('WAITING_CONFIRMATION', 'CONFIRMED', 'CANCELLED', 'COMPLETED_PENDING_VALIDATION', 'VALIDATED')),
    CONSTRAINT bookings_version_positive CHECK (version >= 1),
    CONSTRAINT bookings_seats_in_range CHECK (seats BETWEEN 1 AND 50),
    CONSTRAINT bookings_points_are_objects CHECK (jsonb_typeof(pickup) = 'object' AND jsonb_typeof(dropoff) = 'object'),
    CONSTRAINT bookings_pickup_in_order CHECK (pickup_earliest_at <= pickup_latest_at),
    CONSTRAINT bookings_dropoff_in_order CHECK (dropoff_earliest_at <= dropoff_latest_at),
    CONSTRAINT bookings_pickup_before_dropoff CHECK (pickup_at <= dropoff_at),
    CONSTRAINT bookings_offset_on_earth CHECK (offset_s BETWEEN -86399 AND 86399),
    CONSTRAINT bookings_ride_positive CHECK (ride_ms >= 0 AND ride_cm >= 0 AND shared_cm >= 0),
    CONSTRAINT bookings_note_short CHECK (char_length(note) <= 500 AND char_length(reply) <= 500),
    CONSTRAINT bookings_confirmed_has_moment
    CHECK (confirmed_at IS NOT NULL OR status IN ('WAITING_CONFIRMATION', 'CANCELLED')),
    CONSTRAINT bookings_completed_has_moment
    CHECK ((completed_at IS NOT NULL) = (status IN ('COMPLETED_PENDING_VALIDATION', 'VALIDATED'))),
    CONSTRAINT bookings_completed_by_known
    CHECK ((completed_at IS NULL) = (completed_by IS NULL) AND completed_by IN ('rider', 'driver', 'system')),
    CONSTRAINT bookings_cancelled_has_reason
    CHECK ((cancelled_by IS NOT NULL AND cancel_reason IS NOT NULL) = (status = 'CANCELLED')),
    CONSTRAINT bookings_cancelled_by_known CHECK (cancelled_by IN ('rider', 'driver', 'operator', 'system')),
    CONSTRAINT bookings_reason_known CHECK (
        cancel_reason IN (
            'refused_by_driver', 'lapsed', 'cancelled_by_rider', 'cancelled_by_driver', 'cancelled_by_operator', 'trip_cancelled'
        )
    )
);

CREATE UNIQUE INDEX bookings_one_open ON bookings (offer_id, rider_id)
WHERE status IN ('WAITING_CONFIRMATION', 'CONFIRMED');
CREATE INDEX bookings_by_rider ON bookings (rider_id, created_at, id);
CREATE INDEX bookings_by_driver ON bookings (driver_id, created_at, id);
CREATE INDEX bookings_by_offer ON bookings (offer_id, created_at, id);
CREATE INDEX bookings_by_moment ON bookings (created_at, id);
CREATE INDEX bookings_due ON bookings (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX bookings_by_age ON bookings (updated_at);

COMMENT ON TABLE bookings IS 'Seats that riders have asked for on offers, and what became of them.';
COMMENT ON COLUMN bookings.id IS 'UUID version 7: grows with the moment of asking.';
COMMENT ON COLUMN bookings.offer_id IS 'Whose seats.';
COMMENT ON COLUMN bookings.driver_id IS 'The user who drives; as in offers, so that lists need no join.';
COMMENT ON COLUMN bookings.rider_id IS 'The user who rides.';
COMMENT ON COLUMN bookings.status IS
'As in Standard covoiturage; refused and lapsed bookings are CANCELLED, with their reason.';
COMMENT ON COLUMN bookings.version IS 'Starts at 1, grows by one with every change; the ETag of the HTTP contract.';
COMMENT ON COLUMN bookings.seats IS 'How many seats.';
COMMENT ON COLUMN bookings.region_fingerprint IS
'The state of the offer''s region for which edges and fractions of pickup and dropoff hold.';
COMMENT ON COLUMN bookings.pickup IS
'Where the rider boards, and the walk there: {lat, lon, label, address, edge, fraction, road_distance_m, walk_cm, walk_ms}.';
COMMENT ON COLUMN bookings.pickup_at IS 'When the driver is there, as planned now.';
COMMENT ON COLUMN bookings.pickup_earliest_at IS 'The rider was promised not to have to be there sooner; null without a promise.';
COMMENT ON COLUMN bookings.pickup_latest_at IS 'The rider was promised that the driver is there by then.';
COMMENT ON COLUMN bookings.dropoff IS 'Where the rider alights, and the walk from there, as for pickup.';
COMMENT ON COLUMN bookings.dropoff_at IS 'When the rider alights, as planned now.';
COMMENT ON COLUMN bookings.dropoff_earliest_at IS 'The rider was promised not to be there sooner; null without a promise.';
COMMENT ON COLUMN bookings.dropoff_latest_at IS 'The rider was promised to be there by then.';
COMMENT ON COLUMN bookings.offset_s IS 'The offset from UTC, in seconds, that the rider asked in and times are shown in.';
COMMENT ON COLUMN bookings.ride_ms IS 'The ride as planned when it was agreed, milliseconds.';
COMMENT ON COLUMN bookings.ride_cm IS 'Its length, centimetres.';
COMMENT ON COLUMN bookings.detour_ms IS 'What it added to the driver''s way when it was agreed, milliseconds.';
COMMENT ON COLUMN bookings.detour_cm IS 'The same in centimetres; negative where the faster way is shorter.';
COMMENT ON COLUMN bookings.shared_cm IS 'Road in common with the rider''s own best way, centimetres.';
COMMENT ON COLUMN bookings.note IS 'A word of the rider to the driver.';
COMMENT ON COLUMN bookings.reply IS 'What was said with the latest move.';
COMMENT ON COLUMN bookings.created_at IS 'When it was asked for.';
COMMENT ON COLUMN bookings.updated_at IS 'When it last changed.';
COMMENT ON COLUMN bookings.due_at IS
'When the clock makes the next move (lapses, completes or validates it); null when there is none.';
COMMENT ON COLUMN bookings.confirmed_at IS 'When the driver agreed; null before.';
COMMENT ON COLUMN bookings.completed_at IS 'When the ride was said to be over; null before.';
COMMENT ON COLUMN bookings.completed_by IS 'Who said so: the other side validates it.';
COMMENT ON COLUMN bookings.cancelled_by IS 'Who cancelled it; null while it is not CANCELLED.';
COMMENT ON COLUMN bookings.cancel_reason IS 'Why; null while it is not CANCELLED.';

-- Deferred to the commit, because a change replaces all stops of an offer. A commit that would oversell fails whoever asks for it.
CREATE FUNCTION refuse_oversold_leg(sold_offer uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    most integer;
    offered integer;
BEGIN
    SELECT max(aboard) INTO most FROM (
        SELECT sum(
            CASE kind WHEN 'PICKUP' THEN seats WHEN 'DROPOFF' THEN -seats ELSE 0 END
        ) OVER (ORDER BY position) AS aboard
        FROM offer_stops WHERE offer_id = sold_offer
    ) AS loads;
    SELECT seats_offered INTO offered FROM offers WHERE id = sold_offer;
    IF most > offered THEN
        RAISE EXCEPTION 'a leg of offer % would carry % riders on % seats', sold_offer, most, offered
            USING ERRCODE = 'check_violation', CONSTRAINT = 'offer_stops_no_oversold_leg';
    END IF;
END
$$;

COMMENT ON FUNCTION refuse_oversold_leg(uuid) IS
'Raises offer_stops_no_oversold_leg when more riders are aboard on a leg of an offer than it has seats.';

CREATE FUNCTION check_stop_seats() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM refuse_oversold_leg(CASE TG_OP WHEN 'DELETE' THEN OLD.offer_id ELSE NEW.offer_id END);
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION check_stop_seats() IS 'refuse_oversold_leg for the offer of a stop that was written or taken away.';

CREATE FUNCTION check_offer_seats() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM refuse_oversold_leg(NEW.id);
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION check_offer_seats() IS 'refuse_oversold_leg for an offer that has fewer seats now.';

CREATE CONSTRAINT TRIGGER offer_stops_no_oversold_leg AFTER INSERT OR UPDATE OR DELETE ON offer_stops
DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION check_stop_seats();

CREATE CONSTRAINT TRIGGER offers_no_oversold_leg AFTER UPDATE OF seats_offered ON offers
DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (NEW.seats_offered < OLD.seats_offered) EXECUTE FUNCTION check_offer_seats();

-- migrate:down
-- Forward only: a mistake is corrected by the next migration.

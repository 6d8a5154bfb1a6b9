-- name: insert_offer!
-- Store a new offer.
INSERT INTO offers (
    id, driver_id, region, region_fingerprint, status, version,
    origin_lat, origin_lon, origin_label, origin_address, origin_edge, origin_fraction, origin_road_distance_m,
    destination_lat, destination_lon, destination_label, destination_address, destination_edge, destination_fraction, destination_road_distance_m,
    via, depart_at, depart_offset_s, depart_zone, over_at, flexibility_s, seats_offered, seats_left, max_detour_s, max_detour_m,
    preferences, comment, duration_ms, length_cm, price_minor, price_currency, departure_shift_ms, instant_booking, women_only, driver_is_woman, created_at, updated_at
) VALUES (
    :id, :driver_id, :region, :region_fingerprint, :status, :version,
    :origin_lat, :origin_lon, :origin_label, :origin_address, :origin_edge, :origin_fraction, :origin_road_distance_m,
    :destination_lat, :destination_lon, :destination_label, :destination_address, :destination_edge, :destination_fraction, :destination_road_distance_m,
    :via, :depart_at, :depart_offset_s, :depart_zone, :over_at, :flexibility_s, :seats_offered, :seats_left, :max_detour_s, :max_detour_m,
    :preferences, :comment, :duration_ms, :length_cm, :price_minor, :price_currency, :departure_shift_ms, :instant_booking, :women_only, :driver_is_woman, :created_at, :updated_at
);

-- name: get_offer^
-- One offer, whatever its status.
SELECT
    id, driver_id, region, region_fingerprint, status, version,
    origin_lat, origin_lon, origin_label, origin_address, origin_edge, origin_fraction, origin_road_distance_m,
    destination_lat, destination_lon, destination_label, destination_address, destination_edge, destination_fraction, destination_road_distance_m,
    via, depart_at, depart_offset_s, depart_zone, flexibility_s, seats_offered, seats_left, max_detour_s, max_detour_m,
    preferences, comment, duration_ms, length_cm, price_minor, price_currency, departure_shift_ms, instant_booking, women_only, driver_is_woman, created_at, updated_at,
    (SELECT jsonb_agg(to_jsonb(s) ORDER BY s.position) FROM offer_stops AS s WHERE s.offer_id = offers.id) AS booked_stops
FROM offers
WHERE id = :id;

-- name: list_offers_of_driver
-- A page of one driver's offers, soonest departure first, after a given (departure, id).
SELECT
    id, driver_id, region, region_fingerprint, status, version,
    origin_lat, origin_lon, origin_label, origin_address, origin_edge, origin_fraction, origin_road_distance_m,
    destination_lat, destination_lon, destination_label, destination_address, destination_edge, destination_fraction, destination_road_distance_m,
    via, depart_at, depart_offset_s, depart_zone, flexibility_s, seats_offered, seats_left, max_detour_s, max_detour_m,
    preferences, comment, duration_ms, length_cm, price_minor, price_currency, departure_shift_ms, instant_booking, women_only, driver_is_woman, created_at, updated_at,
    (SELECT jsonb_agg(to_jsonb(s) ORDER BY s.position) FROM offer_stops AS s WHERE s.offer_id = offers.id) AS booked_stops
FROM offers
WHERE
    driver_id = :driver_id
    AND (CAST(:status AS text) IS NULL OR status = :status)
    AND depart_at >= coalesce(CAST(:departure_from AS timestamptz), '-infinity')
    AND depart_at <= coalesce(CAST(:departure_to AS timestamptz), 'infinity')
    AND (depart_at, id) > (
        coalesce(CAST(:after_departure AS timestamptz), '-infinity'),
        coalesce(CAST(:after_id AS uuid), '00000000-0000-0000-0000-000000000000')
    )
ORDER BY depart_at, id
LIMIT :row_limit;

-- name: list_offers
-- The same page of everybody's offers.
SELECT
    id, driver_id, region, region_fingerprint, status, version,
    origin_lat, origin_lon, origin_label, origin_address, origin_edge, origin_fraction, origin_road_distance_m,
    destination_lat, destination_lon, destination_label, destination_address, destination_edge, destination_fraction, destination_road_distance_m,
    via, depart_at, depart_offset_s, depart_zone, flexibility_s, seats_offered, seats_left, max_detour_s, max_detour_m,
    preferences, comment, duration_ms, length_cm, price_minor, price_currency, departure_shift_ms, instant_booking, women_only, driver_is_woman, created_at, updated_at,
    (SELECT jsonb_agg(to_jsonb(s) ORDER BY s.position) FROM offer_stops AS s WHERE s.offer_id = offers.id) AS booked_stops
FROM offers
WHERE
    (CAST(:status AS text) IS NULL OR status = :status)
    AND depart_at >= coalesce(CAST(:departure_from AS timestamptz), '-infinity')
    AND depart_at <= coalesce(CAST(:departure_to AS timestamptz), 'infinity')
    AND (depart_at, id) > (
        coalesce(CAST(:after_departure AS timestamptz), '-infinity'),
        coalesce(CAST(:after_id AS uuid), '00000000-0000-0000-0000-000000000000')
    )
ORDER BY depart_at, id
LIMIT :row_limit;

-- name: update_open_offer^
-- Replace an offer that is OPEN and still has the version that was read; no row otherwise. Tells whether it has stops of bookings.
UPDATE offers SET
    region = :region,
    region_fingerprint = :region_fingerprint,
    status = :status,
    version = :version,
    origin_lat = :origin_lat,
    origin_lon = :origin_lon,
    origin_label = :origin_label,
    origin_address = :origin_address,
    origin_edge = :origin_edge,
    origin_fraction = :origin_fraction,
    origin_road_distance_m = :origin_road_distance_m,
    destination_lat = :destination_lat,
    destination_lon = :destination_lon,
    destination_label = :destination_label,
    destination_address = :destination_address,
    destination_edge = :destination_edge,
    destination_fraction = :destination_fraction,
    destination_road_distance_m = :destination_road_distance_m,
    via = :via,
    depart_at = :depart_at,
    depart_offset_s = :depart_offset_s,
    depart_zone = :depart_zone,
    over_at = :over_at,
    flexibility_s = :flexibility_s,
    seats_offered = :seats_offered,
    seats_left = :seats_left,
    max_detour_s = :max_detour_s,
    max_detour_m = :max_detour_m,
    preferences = :preferences,
    comment = :comment,
    duration_ms = :duration_ms,
    length_cm = :length_cm,
    price_minor = :price_minor,
    price_currency = :price_currency,
    departure_shift_ms = :departure_shift_ms,
    instant_booking = :instant_booking,
    women_only = :women_only,
    driver_is_woman = :driver_is_woman,
    updated_at = :updated_at
WHERE id = :id AND version = :expected_version AND status = 'OPEN'
RETURNING EXISTS (SELECT 1 FROM offer_stops WHERE offer_id = offers.id) AS has_stops;

-- name: insert_stops!
-- Store the stops of an offer with bookings: [{position, kind, …}], as the columns are called.
INSERT INTO offer_stops (
    offer_id, position, kind, lat, lon, label, address, edge, fraction, road_distance_m, booking_id, seats, earliest_at, latest_at
)
SELECT
    :offer_id, position, kind, lat, lon, label, address, edge, fraction, road_distance_m, booking_id, seats, earliest_at, latest_at
FROM jsonb_to_recordset(CAST(:stops AS jsonb)) AS given (
    position smallint, kind text, lat float8, lon float8, label text, address text, edge integer, fraction float8,
    road_distance_m float8, booking_id uuid, seats smallint, earliest_at timestamptz, latest_at timestamptz
);

-- name: delete_stops!
-- Drop the stops of an offer, before others are stored in their place.
DELETE FROM offer_stops WHERE offer_id = :offer_id;

-- name: mark_past
-- Close OPEN offers that are over, oldest first; rows that somebody else is changing wait for the next round.
WITH gone AS (
    SELECT id FROM offers
    WHERE status = 'OPEN' AND over_at < :now
    ORDER BY over_at
    LIMIT :row_limit
    FOR UPDATE SKIP LOCKED
)
UPDATE offers SET status = 'PAST', version = offers.version + 1, updated_at = :now
FROM gone
WHERE offers.id = gone.id
RETURNING offers.id;

-- name: current_offers
-- What is true of some offers now: what a match is checked against before it is shown.
SELECT id, version, status, seats_left, seats_offered, length_cm, price_minor, price_currency
FROM offers
WHERE id = any(CAST(:ids AS uuid []));

-- name: get_offers
-- Some offers, whatever their status.
SELECT
    id, driver_id, region, region_fingerprint, status, version,
    origin_lat, origin_lon, origin_label, origin_address, origin_edge, origin_fraction, origin_road_distance_m,
    destination_lat, destination_lon, destination_label, destination_address, destination_edge, destination_fraction, destination_road_distance_m,
    via, depart_at, depart_offset_s, depart_zone, flexibility_s, seats_offered, seats_left, max_detour_s, max_detour_m,
    preferences, comment, duration_ms, length_cm, price_minor, price_currency, departure_shift_ms, instant_booking, women_only, driver_is_woman, created_at, updated_at,
    (SELECT jsonb_agg(to_jsonb(s) ORDER BY s.position) FROM offer_stops AS s WHERE s.offer_id = offers.id) AS booked_stops
FROM offers
WHERE id = any(CAST(:ids AS uuid []));

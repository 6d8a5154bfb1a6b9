-- name: count_open_offers$
-- How many OPEN offers a region has.
SELECT count(*) FROM offers WHERE region = :region AND status = 'OPEN';

-- name: copy_direct_offers
-- What the index needs of every OPEN trip without stops, on the roads asked for. For a binary COPY, hence each column of a fixed size
-- and none null: matcher/trips/offers/columns.py reads them by these sizes. Bit k of stated and welcome stands for the k-th of :preferences.
SELECT
    id,
    version,
    sha256(convert_to(driver_id, 'UTF8')) AS driver,
    origin_edge,
    origin_fraction,
    destination_edge,
    destination_fraction,
    depart_at,
    departure_shift_ms,
    flexibility_s,
    seats_left,
    max_detour_s,
    coalesce(max_detour_m, -1) AS max_detour_m,
    CASE WHEN preferences = '{}' THEN 0 ELSE (
        SELECT coalesce(sum(1 << CAST(p.k - 1 AS integer)), 0)
        FROM unnest(CAST(:preferences AS text [])) WITH ORDINALITY AS p (name, k)
        WHERE offers.preferences ? p.name
    ) END AS stated,
    CASE WHEN preferences = '{}' THEN 0 ELSE (
        SELECT coalesce(sum(1 << CAST(p.k - 1 AS integer)), 0)
        FROM unnest(CAST(:preferences AS text [])) WITH ORDINALITY AS p (name, k)
        WHERE offers.preferences -> p.name = 'true'
    ) END AS welcome,
    CAST(women_only AS integer) + 2 * CAST(driver_is_woman AS integer) AS women,
    seats_offered,
    length_cm,
    coalesce(price_minor, -1) AS price_minor,
    coalesce(price_currency, '---') AS price_currency
FROM offers
WHERE
    region = :region AND status = 'OPEN' AND region_fingerprint = :fingerprint AND via = '[]'
    AND NOT EXISTS (SELECT 1 FROM offer_stops WHERE offer_id = offers.id);

-- name: copy_offers_with_stops
-- The same of every OPEN trip with stops, on the roads asked for, in the order of their ids; and what seats and budget follow from.
SELECT
    id,
    version,
    sha256(convert_to(driver_id, 'UTF8')) AS driver,
    origin_edge,
    origin_fraction,
    destination_edge,
    destination_fraction,
    depart_at,
    departure_shift_ms,
    flexibility_s,
    seats_left,
    max_detour_s,
    coalesce(max_detour_m, -1) AS max_detour_m,
    CASE WHEN preferences = '{}' THEN 0 ELSE (
        SELECT coalesce(sum(1 << CAST(p.k - 1 AS integer)), 0)
        FROM unnest(CAST(:preferences AS text [])) WITH ORDINALITY AS p (name, k)
        WHERE offers.preferences ? p.name
    ) END AS stated,
    CASE WHEN preferences = '{}' THEN 0 ELSE (
        SELECT coalesce(sum(1 << CAST(p.k - 1 AS integer)), 0)
        FROM unnest(CAST(:preferences AS text [])) WITH ORDINALITY AS p (name, k)
        WHERE offers.preferences -> p.name = 'true'
    ) END AS welcome,
    CAST(women_only AS integer) + 2 * CAST(driver_is_woman AS integer) AS women,
    seats_offered,
    length_cm,
    coalesce(price_minor, -1) AS price_minor,
    coalesce(price_currency, '---') AS price_currency,
    duration_ms,
    CAST(EXISTS (SELECT 1 FROM offer_stops WHERE offer_id = offers.id) AS integer) AS booked
FROM offers
WHERE
    region = :region AND status = 'OPEN' AND region_fingerprint = :fingerprint
    AND (via <> '[]' OR EXISTS (SELECT 1 FROM offer_stops WHERE offer_id = offers.id))
ORDER BY id;

-- name: copy_stops
-- Their stops, in the order of the offers and of driving: those of offer_stops, which hold the driver's own, or via where nobody is booked.
SELECT
    stops.offer_id,
    stops.edge,
    stops.fraction,
    stops.boarding,
    coalesce(stops.earliest_at, 'infinity') AS earliest_at,
    coalesce(stops.latest_at, 'infinity') AS latest_at
FROM (
    SELECT
        booked.offer_id,
        booked.position,
        booked.edge,
        booked.fraction,
        CASE booked.kind WHEN 'PICKUP' THEN 1 WHEN 'DROPOFF' THEN -1 ELSE 0 END * CAST(booked.seats AS integer) AS boarding,
        booked.earliest_at,
        booked.latest_at
    FROM offers
    INNER JOIN offer_stops AS booked ON offers.id = booked.offer_id
    WHERE offers.region = :region AND offers.status = 'OPEN' AND offers.region_fingerprint = :fingerprint
    UNION ALL
    SELECT
        offers.id,
        CAST(own.position AS smallint),
        CAST(own.place ->> 'edge' AS integer),
        CAST(own.place ->> 'fraction' AS double precision),
        0,
        NULL,
        NULL
    FROM offers
    CROSS JOIN LATERAL jsonb_array_elements(offers.via) WITH ORDINALITY AS own (place, position)
    WHERE
        offers.region = :region AND offers.status = 'OPEN' AND offers.region_fingerprint = :fingerprint AND offers.via <> '[]'
        AND NOT EXISTS (SELECT 1 FROM offer_stops WHERE offer_id = offers.id)
) AS stops
ORDER BY stops.offer_id, stops.position;

-- name: stream_other_offers
-- The rest of a region's OPEN offers, those on other roads, for a cursor.
SELECT
    id, driver_id, region, region_fingerprint, status, version,
    origin_lat, origin_lon, origin_label, origin_address, origin_edge, origin_fraction, origin_road_distance_m,
    destination_lat, destination_lon, destination_label, destination_address, destination_edge, destination_fraction, destination_road_distance_m,
    via, depart_at, depart_offset_s, depart_zone, flexibility_s, seats_offered, seats_left, max_detour_s, max_detour_m,
    preferences, comment, duration_ms, length_cm, price_minor, price_currency, departure_shift_ms, instant_booking, women_only, driver_is_woman, created_at, updated_at,
    (SELECT jsonb_agg(to_jsonb(s) ORDER BY s.position) FROM offer_stops AS s WHERE s.offer_id = offers.id) AS booked_stops
FROM offers
WHERE
    region = :region AND status = 'OPEN'
    AND region_fingerprint <> :fingerprint;

-- name: refit_offers
-- Put offers that nobody has changed meanwhile on other roads: [{id, version, …}] as the columns are called. Their ids come back.
UPDATE offers SET
    region_fingerprint = :fingerprint,
    origin_edge = given.origin_edge,
    origin_fraction = given.origin_fraction,
    origin_road_distance_m = given.origin_road_distance_m,
    destination_edge = given.destination_edge,
    destination_fraction = given.destination_fraction,
    destination_road_distance_m = given.destination_road_distance_m,
    via = given.via,
    duration_ms = given.duration_ms,
    length_cm = given.length_cm
FROM jsonb_to_recordset(CAST(:offers AS jsonb)) AS given (
    id uuid, version integer, origin_edge integer, origin_fraction float8, origin_road_distance_m float8,
    destination_edge integer, destination_fraction float8, destination_road_distance_m float8,
    via jsonb, duration_ms bigint, length_cm bigint
)
WHERE offers.id = given.id AND offers.version = given.version AND offers.status = 'OPEN'
RETURNING offers.id;

-- name: refit_stops!
-- The same for the stops of offers that have just been put on other roads: [{offer_id, position, edge, fraction, road_distance_m}].
UPDATE offer_stops SET edge = given.edge, fraction = given.fraction, road_distance_m = given.road_distance_m
FROM jsonb_to_recordset(CAST(:stops AS jsonb)) AS given (
    offer_id uuid, position smallint, edge integer, fraction float8, road_distance_m float8
)
WHERE offer_stops.offer_id = given.offer_id AND offer_stops.position = given.position;

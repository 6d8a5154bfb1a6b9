-- name: count_open_offers$
-- Number of OPEN offers of a region.
SELECT count(*) FROM offers WHERE region = :region AND status = 'OPEN';

-- name: copy_direct_offers
-- The index columns of every OPEN trip without stops, on the given roads.
SELECT {indexed_offer}
FROM offers
WHERE
    region = :region AND status = 'OPEN' AND region_fingerprint = :fingerprint AND via = '[]'
    AND NOT EXISTS (SELECT 1 FROM offer_stops WHERE offer_id = offers.id);

-- name: copy_offers_with_stops
-- The same for every OPEN trip with stops, ordered by id, with what seats and budget are derived from.
SELECT
    {indexed_offer},
    duration_ms,
    CAST(EXISTS (SELECT 1 FROM offer_stops WHERE offer_id = offers.id) AS integer) AS booked
FROM offers
WHERE
    region = :region AND status = 'OPEN' AND region_fingerprint = :fingerprint
    AND (via <> '[]' OR EXISTS (SELECT 1 FROM offer_stops WHERE offer_id = offers.id))
ORDER BY id;

-- name: copy_stops
-- Their stops, in the order of offers and of driving: from offer_stops, which includes the driver's own, or via if
-- there are no bookings.
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
-- The other OPEN offers of a region, on other roads, for a cursor.
SELECT {whole_offer} FROM offers
WHERE
    region = :region AND status = 'OPEN'
    AND region_fingerprint <> :fingerprint;

-- name: refit_offers
-- Move offers that have not changed meanwhile to other roads: [{id, version, …}], keys as columns. Returns their ids.
UPDATE offers SET
    region_fingerprint = :fingerprint,
    origin_lat = given.origin_lat,
    origin_lon = given.origin_lon,
    origin_label = given.origin_label,
    origin_address = given.origin_address,
    origin_edge = given.origin_edge,
    origin_fraction = given.origin_fraction,
    origin_road_distance_m = given.origin_road_distance_m,
    destination_lat = given.destination_lat,
    destination_lon = given.destination_lon,
    destination_label = given.destination_label,
    destination_address = given.destination_address,
    destination_edge = given.destination_edge,
    destination_fraction = given.destination_fraction,
    destination_road_distance_m = given.destination_road_distance_m,
    via = given.via,
    doors = given.doors,
    duration_ms = given.duration_ms,
    length_cm = given.length_cm
FROM jsonb_populate_recordset(CAST(NULL AS offers), CAST(:offers AS jsonb)) AS given
WHERE offers.id = given.id AND offers.version = given.version AND offers.status = 'OPEN'
RETURNING offers.id;

-- name: refit_stops!
-- The same for the stops of offers that have just been moved: [{offer_id, position, lat, …}].
UPDATE offer_stops SET
    lat = given.lat,
    lon = given.lon,
    label = given.label,
    address = given.address,
    edge = given.edge,
    fraction = given.fraction,
    road_distance_m = given.road_distance_m,
    at_door = given.at_door
FROM jsonb_populate_recordset(CAST(NULL AS offer_stops), CAST(:stops AS jsonb)) AS given
WHERE offer_stops.offer_id = given.offer_id AND offer_stops.position = given.position;

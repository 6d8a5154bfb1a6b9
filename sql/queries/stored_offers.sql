-- name: count_open_offers_of_region
-- How many offers a check will read.
SELECT count(*) FROM offers WHERE region = :region AND status = 'OPEN';

-- name: page_open_offers_of_region
-- OPEN offers of a region, soonest departure first, after a given (departure, id).
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
    AND (depart_at, id) > (
        coalesce(CAST(:after_departure AS timestamptz), '-infinity'),
        coalesce(CAST(:after_id AS uuid), '00000000-0000-0000-0000-000000000000')
    )
ORDER BY depart_at, id
LIMIT :row_limit;

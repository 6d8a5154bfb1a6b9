-- name: begin_export
-- Whether no other export of the user is running, on any instance; until the end of the transaction none may begin.
SELECT pg_try_advisory_xact_lock(1702391919, hashtext(:user_id));

-- name: export_offers
-- The trips a user has published, without road network data.
SELECT
    to_jsonb(o) - ARRAY[
        'driver_id', 'region_fingerprint', 'origin_edge', 'origin_fraction', 'destination_edge', 'destination_fraction', 'via',
        'doors'
    ] || jsonb_build_object('via', (
        SELECT coalesce(jsonb_agg(place - ARRAY['edge', 'fraction']), '[]') FROM jsonb_array_elements(o.via) AS place
    )) || CASE WHEN o.doors IS NULL THEN '{}' ELSE jsonb_build_object('doors', jsonb_build_object(
        'origin', (o.doors -> 'origin') - ARRAY['edge', 'fraction'],
        'destination', (o.doors -> 'destination') - ARRAY['edge', 'fraction'],
        'via', (
            SELECT coalesce(jsonb_agg(place - ARRAY['edge', 'fraction']), '[]') FROM jsonb_array_elements(o.doors -> 'via') AS place
        )
    )) END AS held
FROM offers AS o
WHERE o.driver_id = :user_id
ORDER BY o.created_at, o.id;

-- name: export_series
-- The series a user has published, without road network data.
SELECT
    to_jsonb(s) - ARRAY['driver_id', 'next_date', 'aligned_version', 'claimed_until'] || jsonb_build_object(
        'phases', (
            SELECT coalesce(jsonb_agg(
                to_jsonb(p) - 'series_id' || jsonb_build_object('trip', p.trip - 'region_fingerprint' || jsonb_build_object(
                    'origin', (p.trip -> 'origin') - ARRAY['edge', 'fraction'],
                    'destination', (p.trip -> 'destination') - ARRAY['edge', 'fraction'],
                    'via', (
                        SELECT coalesce(jsonb_agg(place - ARRAY['edge', 'fraction']), '[]')
                        FROM jsonb_array_elements(p.trip -> 'via') AS place
                    )
                )) ORDER BY p.from_date
            ), '[]') FROM series_phases AS p WHERE p.series_id = s.id
        ),
        'occurrences', (
            SELECT coalesce(jsonb_agg(to_jsonb(x) - 'series_id' ORDER BY x.series_date, x.direction DESC), '[]')
            FROM series_occurrences AS x WHERE x.series_id = s.id
        )
    ) AS held
FROM series AS s
WHERE s.driver_id = :user_id
ORDER BY s.created_at, s.id;

-- name: export_bookings
-- A user's bookings; matcher/trips/veil.py says what the user sees of them.
SELECT b.*
FROM bookings AS b
WHERE b.rider_id = :user_id OR b.driver_id = :user_id
ORDER BY b.created_at, b.id;

-- name: export_events
-- The events a user received.
SELECT to_jsonb(e) - ARRAY['recipient', 'dedupe_key'] AS held
FROM events AS e
WHERE e.recipient = :user_id
ORDER BY e.id;

-- name: export_requests
-- A user's kept requests, with the offers found for them, without road network data.
SELECT
    to_jsonb(r) - ARRAY['rider_id', 'region_fingerprint', 'xid', 'searched']
    || jsonb_build_object(
        'origin', r.origin - ARRAY['edge', 'fraction'],
        'destination', r.destination - ARRAY['edge', 'fraction'],
        'found', (
            SELECT coalesce(jsonb_agg(m.offer_id ORDER BY m.found_at, m.offer_id), '[]')
            FROM request_matches AS m
            WHERE m.request_id = r.id
        )
    ) AS held
FROM requests AS r
WHERE r.rider_id = :user_id
ORDER BY r.created_at, r.id;

-- name: export_webhooks
-- A user's webhooks.
SELECT to_jsonb(w) - ARRAY['owner', 'secret_version', 'old_secret_until'] AS held
FROM webhooks AS w
WHERE w.owner = :user_id
ORDER BY w.id;

-- name: export_keys
-- A user's API keys, without their digests.
SELECT to_jsonb(k) - ARRAY['user_id', 'digest'] AS held
FROM api_keys AS k
WHERE k.user_id = :user_id
ORDER BY k.created_at, k.id;

-- name: export_answers
-- The answers stored under a user's idempotency keys.
SELECT
    jsonb_build_object(
        'key', i.key, 'status', i.status, 'created_at', i.created_at, 'body', convert_from(i.body, 'UTF8')
    ) AS held
FROM idempotency_keys AS i
WHERE i.owner = :user_id
ORDER BY i.created_at, i.key;

-- name: export_shares
-- What a user shares.
SELECT to_jsonb(p) - ARRAY['user_id'] AS held
FROM people AS p
WHERE p.user_id = :user_id;

-- name: export_blocks
-- A user's blocks, as the user worded them.
SELECT to_jsonb(b) - ARRAY['blocker', 'blocked'] AS held
FROM blocks AS b
WHERE b.blocker = :user_id
ORDER BY b.created_at, b.id;

-- name: count_open_trips$
-- A user's open trips and waiting bookings.
SELECT
    (SELECT count(*) FROM offers WHERE driver_id = :user_id AND status = 'OPEN')
    + (SELECT count(*) FROM bookings WHERE rider_id = :user_id AND status = 'WAITING_CONFIRMATION');

-- name: erase_bookings_of_nobody!
-- Delete a user's bookings whose other side was erased before: they are no one else's record.
DELETE FROM bookings
WHERE
    (rider_id = :user_id AND driver_id LIKE 'erased:%')
    OR (driver_id = :user_id AND rider_id LIKE 'erased:%');

-- name: erase_rider!
-- Remove a rider from bookings that are also a driver's record: name, texts, exact places.
UPDATE bookings SET
    rider_id = :pseudonym,
    version = version + 1,
    note = '',
    reply = '',
    pickup = (pickup - 'public') || jsonb_build_object(
        'lat', round(CAST(pickup ->> 'lat' AS numeric), 2), 'lon', round(CAST(pickup ->> 'lon' AS numeric), 2),
        'label', '', 'address', NULL, 'edge', 0, 'fraction', 0, 'road_distance_m', 0, 'walk_cm', 0, 'walk_ms', 0
    ),
    dropoff = (dropoff - 'public') || jsonb_build_object(
        'lat', round(CAST(dropoff ->> 'lat' AS numeric), 2), 'lon', round(CAST(dropoff ->> 'lon' AS numeric), 2),
        'label', '', 'address', NULL, 'edge', 0, 'fraction', 0, 'road_distance_m', 0, 'walk_cm', 0, 'walk_ms', 0
    )
WHERE rider_id = :user_id;

-- name: erase_driver_of_bookings!
-- Remove a driver from bookings that are also a rider's record.
UPDATE bookings SET driver_id = :pseudonym, version = version + 1, reply = ''
WHERE driver_id = :user_id;

-- name: erase_driver_of_offers!
-- Remove a driver from trips that others have booked: name, texts, ends and via.
UPDATE offers SET
    driver_id = :pseudonym,
    origin_lat = round(CAST(origin_lat AS numeric), 2),
    origin_lon = round(CAST(origin_lon AS numeric), 2),
    origin_label = '', origin_address = NULL, origin_edge = 0, origin_fraction = 0, origin_road_distance_m = 0,
    destination_lat = round(CAST(destination_lat AS numeric), 2),
    destination_lon = round(CAST(destination_lon AS numeric), 2),
    destination_label = '', destination_address = NULL, destination_edge = 0, destination_fraction = 0, destination_road_distance_m = 0,
    region_fingerprint = '',
    via = '[]', doors = NULL, preferences = '{}', comment = '', women_only = false, driver_is_woman = false
WHERE driver_id = :user_id AND EXISTS (SELECT 1 FROM bookings WHERE offer_id = offers.id);

-- name: erase_own_stops!
-- Delete the stops that an erased driver had made for themselves.
DELETE FROM offer_stops USING offers
WHERE offers.id = offer_stops.offer_id AND offers.driver_id = :pseudonym AND offer_stops.kind = 'VIA';

-- name: erase_offers!
-- Delete the trips that are no one else's record.
DELETE FROM offers WHERE driver_id = :user_id;

-- name: veil_stops_of_erased!
-- Coarsen the places of erased riders on trips that are over; on a trip under way they stay exact until it is.
UPDATE offer_stops SET
    lat = round(CAST(lat AS numeric), 2), lon = round(CAST(lon AS numeric), 2),
    label = '', address = NULL, edge = 0, fraction = 0, road_distance_m = 0, at_door = false
FROM bookings, offers
WHERE
    bookings.id = offer_stops.booking_id AND bookings.rider_id LIKE 'erased:%'
    AND offers.id = offer_stops.offer_id AND offers.status <> 'OPEN' AND offer_stops.label <> '';

-- name: erase_series!
-- Delete a driver's series, and with them the links to their trips.
DELETE FROM series WHERE driver_id = :user_id;

-- name: erase_events!
-- Delete the events a user received.
DELETE FROM events WHERE recipient = :user_id;

-- name: erase_name_in_events!
-- Remove a user's name from events sent to others.
UPDATE events SET data = (
    SELECT jsonb_object_agg(key, CASE WHEN value = to_jsonb(CAST(:user_id AS text)) THEN 'null' ELSE value END)
    FROM jsonb_each(data)
)
WHERE EXISTS (SELECT 1 FROM jsonb_each(data) WHERE value = to_jsonb(CAST(:user_id AS text)));

-- name: erase_requests!
-- Delete a user's kept requests.
DELETE FROM requests WHERE rider_id = :user_id;

-- name: erase_webhooks!
-- Delete a user's webhooks.
DELETE FROM webhooks WHERE owner = :user_id;

-- name: erase_name_in_webhooks!
-- Stop sending a user's events to webhooks of others.
UPDATE webhooks SET also_for = array_remove(also_for, :user_id) WHERE :user_id = any(also_for);

-- name: find_stronger_key$
-- The role of a user's usable key that is not among some roles. Such keys are held until the transaction ends.
SELECT role FROM api_keys
WHERE
    user_id = :user_id AND role <> ALL(CAST(:roles AS text []))
    AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > :now)
LIMIT 1
FOR SHARE;

-- name: erase_keys!
-- Delete a user's API keys.
DELETE FROM api_keys WHERE user_id = :user_id;

-- name: erase_answers!
-- Delete the answers stored under a user's idempotency keys.
DELETE FROM idempotency_keys WHERE owner = :user_id;

-- name: erase_shares!
-- Delete what a user shares.
DELETE FROM people WHERE user_id = :user_id;

-- name: erase_blocks!
-- Delete a user's blocks. Blocks of that user by others stay: they belong to the others and protect them.
DELETE FROM blocks WHERE blocker = :user_id;

-- name: note_erasure!
-- Record that a user was erased, without the name.
INSERT INTO erasures (id, pseudonym, erased_at, remains) VALUES (:id, :pseudonym, :now, :remains);

-- name: forget_offers!
-- Delete trips that ended before the retention period and have no bookings.
DELETE FROM offers WHERE id IN (
    SELECT id FROM offers
    WHERE status <> 'OPEN' AND over_at < :before AND updated_at < :before
    AND NOT EXISTS (SELECT 1 FROM bookings WHERE offer_id = offers.id)
    ORDER BY over_at
    LIMIT :row_limit
    FOR UPDATE SKIP LOCKED
);

-- name: forget_keys!
-- Delete keys revoked or expired before the retention period.
DELETE FROM api_keys WHERE id IN (SELECT id FROM api_keys WHERE least(revoked_at, expires_at) < :before LIMIT :row_limit);

-- name: forget_series!
-- Delete series without trips, past or future, that have not changed for the retention period.
DELETE FROM series WHERE id IN (
    SELECT s.id FROM series AS s
    WHERE
        s.updated_at < :before AND s.next_date IS NULL AND s.aligned_version = s.version
        AND NOT EXISTS (SELECT 1 FROM series_occurrences AS x WHERE x.series_id = s.id)
    ORDER BY s.updated_at
    LIMIT :row_limit
    FOR UPDATE SKIP LOCKED
);

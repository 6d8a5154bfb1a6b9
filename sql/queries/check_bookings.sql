-- name: count_bookings$
-- How many bookings a check reads.
SELECT count(*) FROM bookings AS b JOIN offers AS o ON o.id = b.offer_id
WHERE o.region = :region;

-- name: oversold_legs
-- Offers with more riders on a leg than seats, or with seats_left that does not follow from their stops.
SELECT
    l.offer_id,
    l.most,
    o.seats_offered,
    o.seats_left
FROM (
    SELECT
        w.offer_id,
        max(w.aboard) AS most
    FROM (
        SELECT
            offer_id,
            sum(CASE kind WHEN 'PICKUP' THEN seats WHEN 'DROPOFF' THEN -seats ELSE 0 END)
                OVER (PARTITION BY offer_id ORDER BY position) AS aboard
        FROM offer_stops
    ) AS w
    GROUP BY w.offer_id
) AS l
JOIN offers AS o ON o.id = l.offer_id
WHERE o.region = :region AND (l.most > o.seats_offered OR (o.status = 'OPEN' AND o.seats_left <> o.seats_offered - l.most));

-- name: unseated_bookings
-- Confirmed bookings without exactly one pickup, followed by one dropoff, with their seats and promises in the trip.
SELECT
    b.offer_id,
    b.id,
    b.status,
    count(*) FILTER (WHERE s.kind = 'PICKUP') AS pickups,
    count(*) FILTER (WHERE s.kind = 'DROPOFF') AS dropoffs
FROM bookings AS b
JOIN offers AS o ON o.id = b.offer_id
LEFT JOIN offer_stops AS s ON
    s.offer_id = b.offer_id AND s.booking_id = b.id AND s.seats = b.seats
    AND CASE
        WHEN s.kind = 'PICKUP'
            THEN s.earliest_at IS NOT DISTINCT FROM b.pickup_earliest_at AND s.latest_at = b.pickup_latest_at
        ELSE s.earliest_at IS NOT DISTINCT FROM b.dropoff_earliest_at AND s.latest_at = b.dropoff_latest_at
    END
WHERE o.region = :region AND b.status IN ('CONFIRMED', 'COMPLETED_PENDING_VALIDATION', 'VALIDATED')
GROUP BY b.offer_id, b.id, b.status
HAVING
    count(*) FILTER (WHERE s.kind = 'PICKUP') <> 1 OR count(*) FILTER (WHERE s.kind = 'DROPOFF') <> 1
    OR min(s.position) FILTER (WHERE s.kind = 'PICKUP') > min(s.position) FILTER (WHERE s.kind = 'DROPOFF');

-- name: strange_stops
-- Stops of bookings that are not confirmed.
SELECT
    s.offer_id,
    s.booking_id,
    s.kind,
    b.status
FROM offer_stops AS s
JOIN offers AS o ON o.id = s.offer_id
LEFT JOIN bookings AS b ON b.id = s.booking_id AND b.offer_id = s.offer_id
WHERE
    o.region = :region AND s.booking_id IS NOT NULL
    AND (b.status IS NULL OR b.status NOT IN ('CONFIRMED', 'COMPLETED_PENDING_VALIDATION', 'VALIDATED'));

-- name: late_bookings
-- Confirmed bookings planned outside their promised times by more than a millisecond.
SELECT
    b.offer_id,
    b.id,
    b.pickup_at,
    b.pickup_earliest_at,
    b.pickup_latest_at,
    b.dropoff_at,
    b.dropoff_latest_at
FROM bookings AS b JOIN offers AS o ON o.id = b.offer_id
WHERE
    o.region = :region AND b.status = 'CONFIRMED'
    AND (
        b.pickup_at + interval '1 ms' < b.pickup_earliest_at OR b.pickup_at - interval '1 ms' > b.pickup_latest_at
        OR b.dropoff_at + interval '1 ms' < b.dropoff_earliest_at
        OR b.dropoff_at - interval '1 ms' > b.dropoff_latest_at
    );

-- name: forsaken_bookings
-- Open bookings of trips that were cancelled before the ride began.
SELECT
    b.offer_id,
    b.id,
    b.status
FROM bookings AS b JOIN offers AS o ON o.id = b.offer_id
WHERE
    o.region = :region AND o.status = 'CANCELLED' AND b.status IN ('WAITING_CONFIRMATION', 'CONFIRMED')
    AND o.updated_at <= b.pickup_latest_at;

-- name: untold_bookings
-- Bookings without an event for their current state, among those changed since the oldest event that is kept. Events of
-- erased users are deleted.
SELECT
    b.offer_id,
    b.id,
    b.status
FROM bookings AS b JOIN offers AS o ON o.id = b.offer_id
WHERE
    o.region = :region AND b.updated_at > (SELECT min(created_at) FROM events)
    AND NOT starts_with(b.rider_id, 'erased:') AND NOT starts_with(b.driver_id, 'erased:')
    AND NOT EXISTS (
        SELECT 1 FROM events AS e
        WHERE
            e.recipient IN (b.rider_id, b.driver_id)
            AND e.dedupe_key = 'booking:' || b.id::text || ':' || b.status
    );

-- name: events_told_twice
-- Causes with more than one event for the same recipient.
SELECT
    trip_id AS offer_id,
    recipient,
    kind,
    count(*) AS times
FROM events
WHERE trip_id IN (SELECT id FROM offers WHERE region = :region) AND kind LIKE 'booking_%'
GROUP BY trip_id, recipient, kind, data ->> 'booking_id', data ->> 'status'
HAVING count(*) > 1;

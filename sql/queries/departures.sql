-- name: try_to_remind$
-- Whether this process holds the lock for sending reminders, until the end of the transaction.
SELECT pg_try_advisory_xact_lock(2003133033);

-- name: departures_soon
-- Drivers whose trips with confirmed riders depart soon, and confirmed riders who are picked up soon, if not reminded
-- yet. Trips that are being changed are left to the next run, so that reminders are correct and come before the event
-- of the change.
SELECT
    o.id AS offer_id, o.driver_id, o.depart_at, o.depart_offset_s, o.departure_shift_ms,
    riders.bookings
FROM offers AS o
CROSS JOIN LATERAL (
    SELECT jsonb_agg(
        jsonb_build_object('id', b.id, 'rider_id', b.rider_id, 'pickup_at', extract(EPOCH FROM b.pickup_at), 'offset_s', b.offset_s)
        ORDER BY b.id
    ) AS bookings
    FROM bookings AS b
    WHERE b.offer_id = o.id AND b.status = 'CONFIRMED'
) AS riders
WHERE
    o.status = 'OPEN' AND riders.bookings IS NOT NULL
    AND o.depart_at > CAST(:now AS timestamptz) - interval '1 day'
    AND o.depart_at <= CAST(:now AS timestamptz) + CAST(:ahead AS interval) + interval '1 day'
ORDER BY o.depart_at, o.id
FOR SHARE OF o SKIP LOCKED;

-- name: told_already
-- Which of these reminders these recipients have received.
SELECT e.recipient, e.dedupe_key FROM events AS e
INNER JOIN unnest(CAST(:recipients AS text []), CAST(:dedupe_keys AS text [])) AS asked (recipient, dedupe_key)
    ON e.recipient = asked.recipient AND e.dedupe_key = asked.dedupe_key;

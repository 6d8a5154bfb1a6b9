-- name: write_events!
-- Write events in the given order; an event with the same recipient and dedupe_key is not written again.
INSERT INTO events (recipient, kind, trip_id, data, dedupe_key, created_at)
SELECT recipient, kind, trip_id, CAST(data AS jsonb), dedupe_key, :created_at
FROM
    unnest(
        CAST(:recipients AS text []), CAST(:kinds AS text []), CAST(:trip_ids AS uuid []), CAST(:data AS text []), CAST(:dedupe_keys AS text [])
    ) WITH ORDINALITY AS written (recipient, kind, trip_id, data, dedupe_key, place)
ORDER BY place
ON CONFLICT ON CONSTRAINT events_once DO NOTHING;

-- name: announce_events$
-- Wake up listeners. In its own transaction after the commit: see migration 0003.
SELECT pg_notify('events', '');

-- name: are_unnumbered$
-- Whether committed events have no number yet.
SELECT EXISTS (SELECT 1 FROM events WHERE number IS NULL);

-- name: hold_numbers^
-- Take the lock for numbering until the end of the transaction; no row while another process has it.
SELECT given FROM event_numbers FOR UPDATE SKIP LOCKED;

-- name: number_events^
-- Number events in the order in which they were written, and queue them for webhooks. A separate statement after
-- hold_numbers, so that it sees everything numbered before. Webhooks are locked as they are read: one that is deleted
-- meanwhile is left out.
WITH fresh AS (
    SELECT id, row_number() OVER (ORDER BY id) AS place FROM events
    WHERE number IS NULL
    ORDER BY id
    LIMIT :row_limit
),

numbered AS (
    UPDATE events SET number = CAST(:given AS bigint) + fresh.place
    FROM fresh
    WHERE events.id = fresh.id
    RETURNING events.id, events.number, events.recipient, events.kind, events.trip_id
),

noted AS (
    UPDATE event_numbers SET given = (SELECT max(number) FROM numbered)
    WHERE EXISTS (SELECT 1 FROM numbered)
),

to_owners AS (
    SELECT w.id AS webhook_id, n.id AS event_id, n.trip_id, n.number
    FROM numbered AS n
    INNER JOIN webhooks AS w ON n.recipient = w.owner
    WHERE w.status = 'ENABLED' AND (w.kinds = '{}' OR n.kind = ANY (w.kinds))
    FOR KEY SHARE OF w
),

to_others AS (
    SELECT w.id AS webhook_id, n.id AS event_id, n.trip_id, n.number
    FROM numbered AS n
    INNER JOIN webhooks AS w ON w.also_for <> '{}' AND n.recipient <> w.owner
    WHERE
        w.status = 'ENABLED' AND (w.kinds = '{}' OR n.kind = ANY (w.kinds))
        AND EXISTS (
            SELECT 1 FROM unnest(w.also_for) AS name
            WHERE name = n.recipient OR (right(name, 1) = '*' AND starts_with(n.recipient, left(name, -1)))
        )
    FOR KEY SHARE OF w
),

queued AS (
    INSERT INTO webhook_deliveries (webhook_id, event_id, trip_id, number, next_attempt_at, created_at)
    SELECT webhook_id, event_id, trip_id, number, CAST(:now AS timestamptz), CAST(:now AS timestamptz) FROM to_owners
    UNION ALL
    SELECT webhook_id, event_id, trip_id, number, CAST(:now AS timestamptz), CAST(:now AS timestamptz) FROM to_others
    RETURNING id
)

SELECT
    (SELECT count(*) FROM numbered) AS numbered,
    (SELECT count(*) FROM queued) AS queued;

-- name: numbers^
-- The last number assigned, and the highest that was deleted.
SELECT given, forgotten FROM event_numbers;

-- name: events_after
-- Events of all users after a number, in order.
SELECT number, recipient, kind, trip_id, data, dedupe_key, created_at FROM events
WHERE number > :after
ORDER BY number
LIMIT :row_limit;

-- name: events_of
-- Events of one recipient after a number and up to another one, in order.
SELECT number, recipient, kind, trip_id, data, dedupe_key, created_at FROM events
WHERE recipient = :recipient AND number > :after AND number <= :up_to
ORDER BY number
LIMIT :row_limit;

-- name: forget_events^
-- Delete events older than the retention period, a batch at a time, and record how far. Locked like hold_numbers, so
-- that a number is not recorded as deleted before it is assigned.
WITH held AS (
    SELECT given FROM event_numbers FOR UPDATE
),

gone AS (
    DELETE FROM events
    WHERE id IN (
        SELECT id FROM events
        WHERE number IS NOT NULL AND created_at < :before AND EXISTS (SELECT 1 FROM held)
        ORDER BY created_at
        LIMIT :row_limit
    )
    RETURNING number
),

noted AS (
    UPDATE event_numbers SET forgotten = greatest(forgotten, (SELECT max(number) FROM gone))
    WHERE EXISTS (SELECT 1 FROM gone)
)

SELECT count(*) AS forgotten FROM gone;

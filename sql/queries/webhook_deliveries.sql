-- name: claim_deliveries
-- Claim due deliveries: of each trip only the first unfinished one, and at most a given number in progress for each
-- webhook. Counts as an attempt.
WITH in_progress AS (
    SELECT webhook_id, count(*) AS deliveries FROM webhook_deliveries
    WHERE status = 'PENDING' AND leased_until > :now
    GROUP BY webhook_id
),

due AS (
    SELECT d.id, d.webhook_id, d.next_attempt_at,
        row_number() OVER (PARTITION BY d.webhook_id ORDER BY d.next_attempt_at, d.id) AS place
    FROM webhook_deliveries AS d
    INNER JOIN webhooks AS w ON d.webhook_id = w.id AND w.status = 'ENABLED'
    WHERE
        d.status = 'PENDING' AND d.next_attempt_at <= :now AND (d.leased_until IS NULL OR d.leased_until <= :now)
        AND NOT EXISTS (
            SELECT 1 FROM webhook_deliveries AS earlier
            WHERE
                earlier.webhook_id = d.webhook_id AND earlier.trip_id = d.trip_id
                AND earlier.number < d.number AND earlier.status = 'PENDING'
        )
),

chosen AS (
    SELECT due.id FROM due
    LEFT JOIN in_progress ON due.webhook_id = in_progress.webhook_id
    WHERE due.place <= :most_each - coalesce(in_progress.deliveries, 0)
    ORDER BY due.next_attempt_at, due.id
    LIMIT :most
),

locked AS (
    SELECT id FROM webhook_deliveries
    WHERE id IN (SELECT id FROM chosen) AND status = 'PENDING' AND (leased_until IS NULL OR leased_until <= :now)
    FOR UPDATE SKIP LOCKED
),

claimed AS (
    UPDATE webhook_deliveries SET attempts = attempts + 1, leased_until = CAST(:now AS timestamptz) + CAST(:lease AS interval)
    WHERE id IN (SELECT id FROM locked)
    RETURNING *
)

SELECT
    c.id AS delivery_id, c.webhook_id, c.status AS delivery_status, c.attempts, c.next_attempt_at, c.answer_status, c.error, c.ended_at,
    c.created_at AS queued_at,
    e.number, e.recipient, e.kind, e.trip_id, e.data, e.dedupe_key, e.created_at AS happened_at,
    w.id, w.owner, w.also_for, w.url, w.kinds, w.description, w.status, w.disabled_because, w.secret_version, w.old_secret_until,
    w.failing_since, w.version, w.created_at, w.updated_at
FROM claimed AS c
INNER JOIN events AS e ON c.event_id = e.id
INNER JOIN webhooks AS w ON c.webhook_id = w.id
ORDER BY c.next_attempt_at, c.id;

-- name: end_delivery!
-- Record the result of an attempt, unless another process has claimed the delivery since.
UPDATE webhook_deliveries SET
    status = :status,
    next_attempt_at = coalesce(CAST(:next_attempt_at AS timestamptz), next_attempt_at),
    leased_until = NULL,
    answer_status = CAST(:answer_status AS smallint),
    error = CAST(:error AS text),
    ended_at = CASE WHEN CAST(:status AS text) = 'PENDING' THEN NULL ELSE CAST(:now AS timestamptz) END
WHERE id = :id AND status = 'PENDING' AND attempts = :attempts;

-- name: get_delivery^
-- A delivery with its event.
SELECT
    d.id AS delivery_id, d.webhook_id, d.status AS delivery_status, d.attempts, d.next_attempt_at, d.answer_status, d.error, d.ended_at,
    d.created_at AS queued_at, w.owner,
    e.number, e.recipient, e.kind, e.trip_id, e.data, e.dedupe_key, e.created_at AS happened_at
FROM webhook_deliveries AS d
INNER JOIN events AS e ON d.event_id = e.id
INNER JOIN webhooks AS w ON d.webhook_id = w.id
WHERE d.id = :id;

-- name: list_deliveries
-- A page of deliveries, newest first; null filters match everything.
SELECT
    d.id AS delivery_id, d.webhook_id, d.status AS delivery_status, d.attempts, d.next_attempt_at, d.answer_status, d.error, d.ended_at,
    d.created_at AS queued_at, w.owner,
    e.number, e.recipient, e.kind, e.trip_id, e.data, e.dedupe_key, e.created_at AS happened_at
FROM webhook_deliveries AS d
INNER JOIN events AS e ON d.event_id = e.id
INNER JOIN webhooks AS w ON d.webhook_id = w.id
WHERE
    (CAST(:owner AS text) IS NULL OR w.owner = :owner)
    AND (CAST(:webhook_id AS uuid) IS NULL OR d.webhook_id = :webhook_id)
    AND (CAST(:status AS text) IS NULL OR d.status = :status)
    AND d.id < coalesce(CAST(:before AS bigint), 9223372036854775807)
ORDER BY d.id DESC
LIMIT :row_limit;

-- name: replay_delivery!
-- Send a delivery again, from the first attempt.
UPDATE webhook_deliveries SET status = 'PENDING', attempts = 0, next_attempt_at = :now, leased_until = NULL, ended_at = NULL
WHERE id = :id AND status <> 'PENDING';

-- name: replay_dead!
-- The same for all dead deliveries, of one webhook or of all.
UPDATE webhook_deliveries SET status = 'PENDING', attempts = 0, next_attempt_at = :now, leased_until = NULL, ended_at = NULL
WHERE status = 'DEAD' AND (CAST(:webhook_id AS uuid) IS NULL OR webhook_id = :webhook_id);

-- name: forget_delivered!
-- Delete successful deliveries older than the retention period, a batch at a time. Others are deleted with their
-- events.
DELETE FROM webhook_deliveries
WHERE id IN (
    SELECT id FROM webhook_deliveries
    WHERE status = 'DELIVERED' AND ended_at < :before
    ORDER BY ended_at
    LIMIT :row_limit
);

-- name: count_deliveries
-- Number of waiting and of dead deliveries.
SELECT status, count(*) AS deliveries FROM webhook_deliveries
WHERE status <> 'DELIVERED'
GROUP BY status;

-- name: position^
-- The position of this statement: its snapshot, and the server run it belongs to.
SELECT
    CAST(pg_current_snapshot() AS text) AS snapshot,
    CAST(pg_postmaster_start_time() AS text) AS server,
    (SELECT times FROM forgotten_changes) AS times_forgotten;

-- name: changes_since^
-- Changes committed after a position, in whatever order the transactions ended, and the position after them. The bound
-- on xid serves the index: all older transactions had ended, so their changes were seen.
SELECT
    CAST(pg_current_snapshot() AS text) AS snapshot,
    CAST(pg_postmaster_start_time() AS text) AS server,
    (SELECT max(seq) FROM offer_changes) AS last_seq,
    (SELECT times FROM forgotten_changes) AS times_forgotten,
    EXISTS (
        SELECT 1 FROM forgotten_changes
        WHERE times > :times_forgotten AND up_to >= pg_snapshot_xmin(CAST(CAST(:seen AS text) AS pg_snapshot))
    ) AS is_forgotten,
    (
        SELECT array_agg(DISTINCT offer_id) FROM offer_changes
        WHERE
            region = :region
            AND xid >= pg_snapshot_xmin(CAST(CAST(:seen AS text) AS pg_snapshot))
            AND NOT pg_visible_in_snapshot(xid, CAST(CAST(:seen AS text) AS pg_snapshot))
    ) AS offer_ids;

-- name: announce$
-- Wake up listeners. In its own transaction after the commit: see migration 0003.
SELECT pg_notify('offer_changes', '');

-- name: forget_changes$
-- Delete changes older than the retention period, a batch at a time, and record how far. Rows that another instance is
-- deleting are skipped.
WITH old AS (
    SELECT seq FROM offer_changes WHERE changed_at < :before
    ORDER BY seq
    LIMIT :row_limit
    FOR UPDATE SKIP LOCKED
),

gone AS (
    DELETE FROM offer_changes WHERE seq IN (SELECT seq FROM old)
    RETURNING xid
),

noted AS (
    UPDATE forgotten_changes SET times = times + 1, up_to = greatest(up_to, (SELECT max(xid) FROM gone))
    WHERE EXISTS (SELECT 1 FROM gone)
)

SELECT count(*) AS forgotten FROM gone;

-- name: position^
-- How far this statement sees: the snapshot it reads from, and which run of the server it is of.
SELECT
    CAST(pg_current_snapshot() AS text) AS snapshot,
    CAST(pg_postmaster_start_time() AS text) AS server,
    (SELECT times FROM forgotten_changes) AS times_forgotten;

-- name: changes_since^
-- What was committed after a position, whatever the order in which transactions ended, and the position after it. The bound on xid is
-- what the index is read by: all older transactions had ended, so their changes were seen.
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
-- Wake whoever listens. On its own and after the commit: see migration 0003.
SELECT pg_notify('offer_changes', '');

-- name: forget_changes$
-- Drop changes that are older than anybody should be away, a batch at a time, and note how far. Rows that another instance is dropping
-- are left to it.
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

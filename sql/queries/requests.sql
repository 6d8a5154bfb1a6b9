-- name: lock_rider$
-- Serialise keeping requests of a rider, so that their number can be limited. 0x72657173 separates these locks from
-- others.
SELECT pg_advisory_xact_lock(1919250803, hashtext(:rider_id));

-- name: count_waiting$
-- Number of a rider's waiting requests.
SELECT count(*) FROM requests WHERE rider_id = :rider_id AND latest_at >= :now;

-- name: insert_request!
-- Store a kept request.
INSERT INTO requests (
    id, rider_id, region, region_fingerprint, origin, destination, window_kind, earliest_at, latest_at, window_offset_s, window_zone,
    searched, created_at, {wish_columns}
) VALUES (
    :id, :rider_id, :region, :region_fingerprint, :origin, :destination, :window_kind, :earliest_at, :latest_at, :window_offset_s,
    :window_zone, :searched, :created_at, {:wish_columns}
);

-- name: note_shown!
-- Record which offers a rider was shown, so that no event announces them. Offers that no longer exist are left out.
INSERT INTO request_matches (request_id, offer_id, found_at)
SELECT :request_id, id, :now FROM offers WHERE id = any(CAST(:offer_ids AS uuid []))
ON CONFLICT ON CONSTRAINT request_matches_pk DO NOTHING;

-- name: get_request^
-- A request by id, with what its rider shares now.
SELECT r.*, EXISTS (SELECT 1 FROM people WHERE user_id = r.rider_id AND shares = 'woman') AS rider_is_woman
FROM requests AS r
WHERE r.id = :id;

-- name: list_requests
-- A page of one rider's requests, oldest first, after a given id.
SELECT r.*, EXISTS (SELECT 1 FROM people WHERE user_id = r.rider_id AND shares = 'woman') AS rider_is_woman
FROM requests AS r
WHERE r.rider_id = :rider_id AND r.id > coalesce(CAST(:after_id AS uuid), '00000000-0000-0000-0000-000000000000')
ORDER BY r.id
LIMIT :row_limit;

-- name: present_requests
-- Those of some requests that still wait, and whether their riders now share that they are women.
SELECT r.id, EXISTS (SELECT 1 FROM people WHERE user_id = r.rider_id AND shares = 'woman') AS rider_is_woman
FROM requests AS r
WHERE r.id = any(CAST(:ids AS uuid [])) AND r.latest_at >= :now;

-- name: found_offers
-- The offers that a request's rider was notified of, newest first.
SELECT offer_id, found_at FROM request_matches
WHERE request_id = :id
ORDER BY found_at DESC, offer_id
LIMIT :row_limit;

-- name: delete_request!
-- Delete a request.
DELETE FROM requests WHERE id = :id;

-- name: forget_requests!
-- Delete requests whose window ended before the retention period.
DELETE FROM requests WHERE id IN (
    SELECT id FROM requests
    WHERE latest_at < :before
    ORDER BY latest_at
    LIMIT :row_limit
    FOR UPDATE SKIP LOCKED
);

-- name: snapshot$
-- A snapshot that later statements see at least.
SELECT CAST(pg_current_snapshot() AS text);

-- name: waiting_requests
-- Waiting requests of a region kept after a snapshot, in whatever order the transactions ended.
SELECT r.*, EXISTS (SELECT 1 FROM people WHERE user_id = r.rider_id AND shares = 'woman') AS rider_is_woman
FROM requests AS r
WHERE
    r.region = :region AND r.latest_at >= :now
    AND r.xid >= pg_snapshot_xmin(CAST(CAST(:seen AS text) AS pg_snapshot))
    AND NOT pg_visible_in_snapshot(r.xid, CAST(CAST(:seen AS text) AS pg_snapshot));

-- name: take_turn$
-- Take the lock for matching a region's changes until the end of the transaction; false while another process has it.
-- 0x72657174. Not a row lock: that would assign a transaction number before the snapshot is taken, and a crash could
-- assign such a number again.
SELECT pg_try_advisory_xact_lock(1919250804, hashtext(:region));

-- name: progress$
-- How far the changes of a region have been matched.
SELECT seen FROM request_progress WHERE region = :region;

-- name: note_progress!
-- Record how far the changes of a region have been matched.
INSERT INTO request_progress (region, seen) VALUES (:region, :seen)
ON CONFLICT ON CONSTRAINT request_progress_pk
DO UPDATE SET seen = excluded.seen;

-- name: changed_offers^
-- The offers of a region that changed after a snapshot, and the snapshot after them. A snapshot from the future, as in
-- a database copied to a new server, counts like one older than the kept changes. `most` limits the number of changes
-- to about the earliest ones: they end below a transaction number with no open transaction, so that a snapshot can
-- represent the end. Without such a number there is no partial batch.
WITH fresh AS (
    SELECT offer_id, xid FROM offer_changes
    WHERE
        region = :region
        AND xid >= pg_snapshot_xmin(CAST(CAST(:seen AS text) AS pg_snapshot))
        AND NOT pg_visible_in_snapshot(xid, CAST(CAST(:seen AS text) AS pg_snapshot))
    ORDER BY xid
    LIMIT CAST(:most AS bigint) + 1
),

stop AS (
    SELECT last.xid FROM (SELECT xid FROM fresh ORDER BY xid OFFSET CAST(:most AS bigint) LIMIT 1) AS last
    WHERE
        CAST(:most AS bigint) IS NOT NULL
        AND last.xid <= pg_snapshot_xmin(pg_current_snapshot())
        AND EXISTS (SELECT 1 FROM fresh WHERE fresh.xid < last.xid)
)

SELECT
    coalesce((SELECT xid || ':' || xid || ':' FROM stop), CAST(pg_current_snapshot() AS text)) AS seen,
    EXISTS (SELECT 1 FROM stop) AS is_more,
    (SELECT count(*) FROM fresh) > CAST(:most AS bigint) AND NOT EXISTS (SELECT 1 FROM stop) AS is_too_much,
    pg_snapshot_xmax(CAST(CAST(:seen AS text) AS pg_snapshot)) > pg_snapshot_xmax(pg_current_snapshot())
    OR EXISTS (
        SELECT 1 FROM forgotten_changes WHERE up_to >= pg_snapshot_xmin(CAST(CAST(:seen AS text) AS pg_snapshot))
    ) AS is_missed,
    (
        SELECT array_agg(DISTINCT offer_id) FROM fresh
        WHERE NOT EXISTS (SELECT 1 FROM stop WHERE fresh.xid >= stop.xid)
    ) AS offer_ids;

-- name: unsettled_requests
-- Requests kept since the last matching, with the snapshots of their own searches.
SELECT id, searched FROM requests
WHERE region = :region AND searched IS NOT NULL AND latest_at >= :now
ORDER BY id
LIMIT :row_limit;

-- name: unsettle_requests!
-- Have every waiting request of a region searched again from scratch.
UPDATE requests SET searched = :searched WHERE region = :region AND latest_at >= :now;

-- name: known_pairs
-- The riders who know given offers, by request.
SELECT offer_id, request_id FROM request_matches WHERE offer_id = any(CAST(:offer_ids AS uuid []));

-- name: settle_requests!
-- Mark requests as matched with all offers between their own search and now.
UPDATE requests SET searched = NULL WHERE id = any(CAST(:ids AS uuid []));

-- name: note_found
-- Record pairs that fit and whose rider was not notified, if request and offer are unchanged; returns the new ones.
-- Riders who have booked the trip, with whatever outcome, know it.
INSERT INTO request_matches (request_id, offer_id, found_at)
SELECT r.id, o.id, :now
FROM
    unnest(CAST(:request_ids AS uuid []), CAST(:offer_ids AS uuid []), CAST(:versions AS integer [])) AS pair (request_id, offer_id, version)
INNER JOIN requests AS r ON pair.request_id = r.id
INNER JOIN offers AS o ON pair.offer_id = o.id AND pair.version = o.version
WHERE
    r.latest_at >= CAST(:now AS timestamptz) AND o.status = 'OPEN' AND o.driver_id <> r.rider_id
    AND NOT EXISTS (SELECT 1 FROM bookings AS b WHERE b.offer_id = o.id AND b.rider_id = r.rider_id)
ORDER BY r.id, o.id
ON CONFLICT ON CONSTRAINT request_matches_pk DO NOTHING
RETURNING request_id, offer_id;

-- name: lock_driver$
-- Serialise publishing series of a driver, so that their number can be limited. 0x73657269 separates these locks from
-- others.
SELECT pg_advisory_xact_lock(1936028265, hashtext(:driver_id));

-- name: insert_series!
-- Store a new series, unless the driver has the maximum number of open ones.
INSERT INTO series (
    id, driver_id, region, status, version, time_zone, exceptions, ends_before, next_date, aligned_version, created_at, updated_at
)
SELECT
    CAST(:id AS uuid), CAST(:driver_id AS text), CAST(:region AS text), CAST(:status AS text), CAST(:version AS integer), CAST(:time_zone AS text),
    CAST(:exceptions AS date []), CAST(:ends_before AS date), CAST(:next_date AS date),
    CAST(:version AS integer), CAST(:created_at AS timestamptz), CAST(:updated_at AS timestamptz)
WHERE (
    SELECT count(*) FROM series
    WHERE driver_id = :driver_id AND status = 'OPEN' AND next_date IS NOT NULL
) < CAST(:most AS integer);

-- name: insert_phases!
-- Store the phases of a series: [{from_date, until_date, …}], keys as columns.
INSERT INTO series_phases (
    series_id, from_date, until_date, weekdays, departure, return_departure, return_days_later, trip
)
SELECT :series_id, from_date, until_date, weekdays, departure, return_departure, return_days_later, trip
FROM jsonb_populate_recordset(CAST(NULL AS series_phases), CAST(:phases AS jsonb));

-- name: delete_phases!
-- Delete the phases of a series, before new ones are stored.
DELETE FROM series_phases WHERE series_id = :series_id;

-- name: get_series^
-- A series with its phases.
SELECT
    s.*,
    (SELECT jsonb_agg(to_jsonb(p) ORDER BY p.from_date) FROM series_phases AS p WHERE p.series_id = s.id) AS phases
FROM series AS s
WHERE s.id = :id;

-- name: list_series_of_driver
-- A page of one driver's series, oldest first, after a given (created_at, id).
SELECT
    s.*,
    (SELECT jsonb_agg(to_jsonb(p) ORDER BY p.from_date) FROM series_phases AS p WHERE p.series_id = s.id) AS phases
FROM series AS s
WHERE
    s.driver_id = :driver_id
    AND (s.created_at, s.id) > (
        coalesce(CAST(:after_at AS timestamptz), '-infinity'),
        coalesce(CAST(:after_id AS uuid), '00000000-0000-0000-0000-000000000000')
    )
ORDER BY s.created_at, s.id
LIMIT :row_limit;

-- name: list_series
-- The same page for all drivers.
SELECT
    s.*,
    (SELECT jsonb_agg(to_jsonb(p) ORDER BY p.from_date) FROM series_phases AS p WHERE p.series_id = s.id) AS phases
FROM series AS s
WHERE
    (s.created_at, s.id) > (
        coalesce(CAST(:after_at AS timestamptz), '-infinity'),
        coalesce(CAST(:after_id AS uuid), '00000000-0000-0000-0000-000000000000')
    )
ORDER BY s.created_at, s.id
LIMIT :row_limit;

-- name: list_occurrences
-- The occurrences of a series and their state.
SELECT
    x.series_date, x.direction, x.offer_id, x.series_version, x.detached, o.status, o.depart_at
FROM series_occurrences AS x
INNER JOIN offers AS o ON x.offer_id = o.id
WHERE x.series_id = :series_id AND o.depart_at >= coalesce(CAST(:departing_from AS timestamptz), '-infinity')
ORDER BY x.series_date, x.direction DESC;

-- name: parts_of_series
-- The series and occurrence of some offers.
SELECT offer_id, series_id, series_date, direction, detached FROM series_occurrences
WHERE offer_id = any(CAST(:offer_ids AS uuid []));

-- name: update_series^
-- Update a series if its version is still the one that was read; otherwise no row.
UPDATE series SET
    status = :status,
    version = :version,
    exceptions = :exceptions,
    ends_before = :ends_before,
    next_date = :next_date,
    claimed_until = NULL,
    trouble = NULL,
    updated_at = :updated_at
WHERE id = :id AND version = :version - 1
RETURNING id;

-- name: hold_series^
-- Lock a series until the transaction ends; no row if its version has changed.
SELECT id FROM series WHERE id = :id AND version = :version AND status = 'OPEN' FOR UPDATE;

-- name: insert_occurrence^
-- Record the offer of an occurrence. One that the series itself has cancelled is replaced; no row for any other that
-- exists.
INSERT INTO series_occurrences AS x (series_id, series_date, direction, offer_id, series_version, detached)
VALUES (:series_id, :series_date, :direction, :offer_id, :series_version, FALSE)
ON CONFLICT (series_id, series_date, direction) DO UPDATE
SET offer_id = excluded.offer_id, series_version = excluded.series_version
WHERE NOT x.detached AND (SELECT o.status FROM offers AS o WHERE o.id = x.offer_id) = 'CANCELLED'
RETURNING offer_id;

-- name: detach_occurrence!
-- Make an offer independent of its series, if it has one.
UPDATE series_occurrences SET detached = TRUE WHERE offer_id = :offer_id AND NOT detached;

-- name: follow_series!
-- Record that an offer was updated to a version of its series.
UPDATE series_occurrences SET series_version = :series_version WHERE offer_id = :offer_id;

-- name: tended_series!
-- Record up to which date occurrences were created and that they are up to date, unless the series has changed
-- meanwhile.
UPDATE series SET next_date = :next_date, aligned_version = :version, claimed_until = NULL, trouble = NULL
WHERE id = :id AND version = :version;

-- name: trouble_series!
-- Record why no occurrences can be created.
UPDATE series SET trouble = :trouble WHERE id = :id AND version = :version;

-- name: claim_series
-- Claim for some time the series that need occurrences up to a date, or whose occurrences must be updated; those
-- claimed by others are skipped.
WITH due AS (
    SELECT id FROM series
    WHERE
        region = :region
        AND ((next_date <= :through AND status = 'OPEN') OR aligned_version < version)
        AND (claimed_until IS NULL OR claimed_until < :now)
    ORDER BY claimed_until NULLS FIRST
    LIMIT :row_limit
    FOR UPDATE SKIP LOCKED
)
UPDATE series SET claimed_until = :until
FROM due
WHERE series.id = due.id
RETURNING series.id;

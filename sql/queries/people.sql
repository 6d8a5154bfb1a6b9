-- name: hold_person$
-- Let one call at a time change what somebody shares. 0x70656f70 keeps these locks apart from others.
SELECT pg_advisory_xact_lock(1885695856, hashtext(:user_id));

-- name: find_shared$
-- What somebody shares of themselves; no row for nothing.
SELECT shares FROM people WHERE user_id = :user_id;

-- name: share!
-- Note what somebody shares from now on.
INSERT INTO people (user_id, shares, since) VALUES (:user_id, :shares, :now)
ON CONFLICT ON CONSTRAINT people_pk DO UPDATE SET shares = excluded.shares, since = excluded.since
WHERE people.shares <> excluded.shares;

-- name: share_nothing!
-- Forget what somebody has shared.
DELETE FROM people WHERE user_id = :user_id;

-- name: open_women_only_offers
-- A driver's OPEN offers for women only, soonest first.
SELECT id FROM offers
WHERE driver_id = :user_id AND status = 'OPEN' AND women_only
ORDER BY depart_at, id;

-- name: mark_offers
-- Write what a driver shares into the OPEN offers that say something else; their ids come back.
UPDATE offers SET driver_is_woman = :driver_is_woman, version = version + 1, updated_at = :now
WHERE driver_id = :user_id AND status = 'OPEN' AND driver_is_woman <> :driver_is_woman
RETURNING id;

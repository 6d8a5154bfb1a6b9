-- name: hold_person$
-- Serialise changes of what a user shares. 0x70656f70 separates these locks from others.
SELECT pg_advisory_xact_lock(1885695856, hashtext(:user_id));

-- name: find_shared$
-- What a user shares; no row if nothing.
SELECT shares FROM people WHERE user_id = :user_id;

-- name: share!
-- Store what a user shares.
INSERT INTO people (user_id, shares, since) VALUES (:user_id, :shares, :now)
ON CONFLICT ON CONSTRAINT people_pk DO UPDATE SET shares = excluded.shares, since = excluded.since
WHERE people.shares <> excluded.shares;

-- name: share_nothing!
-- Delete what a user shares.
DELETE FROM people WHERE user_id = :user_id;

-- name: open_women_only_offers
-- A driver's OPEN offers for women only, earliest first.
SELECT id FROM offers
WHERE driver_id = :user_id AND status = 'OPEN' AND women_only
ORDER BY depart_at, id;

-- name: mark_offers
-- Copy what a driver shares to their OPEN offers that differ; returns their ids.
UPDATE offers SET driver_is_woman = :driver_is_woman, version = version + 1, updated_at = :now
WHERE driver_id = :user_id AND status = 'OPEN' AND driver_is_woman <> :driver_is_woman
RETURNING id;

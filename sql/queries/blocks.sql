-- name: insert_block^
-- Store a block, unless the blocker has named the same before or has too many already. Its row comes back when it was new.
INSERT INTO blocks (id, blocker, blocked, known_by, reference, created_at)
SELECT :id, :blocker, :blocked, :known_by, :reference, :created_at
WHERE (SELECT count(*) FROM blocks WHERE blocker = :blocker) < CAST(:most AS bigint)
ON CONFLICT ON CONSTRAINT blocks_once DO NOTHING
RETURNING id, blocker, blocked, known_by, reference, created_at;

-- name: find_block^
-- The block of a blocker that was made with the same words.
SELECT id, blocker, blocked, known_by, reference, created_at
FROM blocks
WHERE blocker = :blocker AND known_by = :known_by AND reference = :reference;

-- name: list_blocks
-- All blocks of one blocker, oldest first.
SELECT id, blocker, blocked, known_by, reference, created_at
FROM blocks
WHERE blocker = :blocker
ORDER BY created_at, id;

-- name: delete_block^
-- Take back a block by its id, or by the user name that was blocked. Tells who may meet again.
DELETE FROM blocks
WHERE blocker = :blocker AND (CAST(id AS text) = :name OR (known_by = 'user' AND reference = :name))
RETURNING blocked;

-- name: hidden_from
-- Everybody whom a user has blocked or who has blocked the user.
SELECT blocked AS other FROM blocks WHERE blocker = :user_id
UNION
SELECT blocker AS other FROM blocks WHERE blocked = :user_id;

-- name: other_of_booking$
-- The other person of a booking that a user is part of.
SELECT CASE WHEN driver_id = :user_id THEN rider_id ELSE driver_id END
FROM bookings
WHERE id = :booking_id AND (driver_id = :user_id OR rider_id = :user_id);

-- name: driver_of_offer$
-- Who drives.
SELECT driver_id FROM offers WHERE id = :offer_id;

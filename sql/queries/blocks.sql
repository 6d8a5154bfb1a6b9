-- name: insert_block^
-- Store a block, unless the blocker has the same one or too many already; returns its row if it is new.
INSERT INTO blocks (id, blocker, blocked, known_by, reference, created_at)
SELECT :id, :blocker, :blocked, :known_by, :reference, :created_at
WHERE (SELECT count(*) FROM blocks WHERE blocker = :blocker) < CAST(:most AS bigint)
ON CONFLICT ON CONSTRAINT blocks_once DO NOTHING
RETURNING id, blocker, blocked, known_by, reference, created_at;

-- name: find_block^
-- A block of the blocker by its wording.
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
-- Delete a block by its id, or by the blocked user name; returns the blocked user.
DELETE FROM blocks
WHERE blocker = :blocker AND (CAST(id AS text) = :name OR (known_by = 'user' AND reference = :name))
RETURNING blocked;

-- name: hidden_from
-- All users who have blocked a user or whom the user has blocked.
SELECT blocked AS other FROM blocks WHERE blocker = :user_id
UNION
SELECT blocker AS other FROM blocks WHERE blocked = :user_id;

-- name: other_of_booking$
-- The other person of a user's booking.
SELECT CASE WHEN driver_id = :user_id THEN rider_id ELSE driver_id END
FROM bookings
WHERE id = :booking_id AND (driver_id = :user_id OR rider_id = :user_id);

-- name: driver_of_offer$
-- The driver of an offer.
SELECT driver_id FROM offers WHERE id = :offer_id;

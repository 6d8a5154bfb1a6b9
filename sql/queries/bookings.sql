-- name: insert_booking!
-- Store a new booking.
INSERT INTO bookings ({booking_terms}, {booking_state}) VALUES ({:booking_terms}, {:booking_state});

-- name: update_booking^
-- Update a booking if its version is still the one that was read; otherwise no row.
UPDATE bookings SET ({booking_state}) = ROW ({:booking_state})
WHERE id = :id AND version = CAST(:version AS integer) - 1
RETURNING id;

-- name: hold_offer^
-- Lock an offer until the transaction ends; returns its current state.
SELECT version, status FROM offers WHERE id = :id FOR SHARE;

-- name: other_open_bookings
-- Open bookings of an offer except given ones.
SELECT id FROM bookings
WHERE
    offer_id = :offer_id AND status IN ('WAITING_CONFIRMATION', 'CONFIRMED')
    AND id <> ALL(CAST(:known AS uuid []));

-- name: get_booking^
-- A booking by id.
SELECT * FROM bookings WHERE id = :id;

-- name: find_open_booking^
-- A rider's waiting or confirmed booking of an offer.
SELECT id FROM bookings
WHERE offer_id = :offer_id AND rider_id = :rider_id AND status IN ('WAITING_CONFIRMATION', 'CONFIRMED');

-- name: list_open_bookings
-- Waiting and confirmed bookings of an offer, oldest first.
SELECT * FROM bookings
WHERE offer_id = :offer_id AND status IN ('WAITING_CONFIRMATION', 'CONFIRMED')
ORDER BY created_at, id;

-- name: list_waiting_bookings
-- Bookings that wait for an answer between two people, whoever of them drives, oldest first.
SELECT * FROM bookings
WHERE
    status = 'WAITING_CONFIRMATION'
    AND ((rider_id = :one AND driver_id = :other) OR (rider_id = :other AND driver_id = :one))
ORDER BY created_at, id;

-- name: find_withdrawal^
-- When a rider withdrew a booking of an offer, the latest first, after skipping some.
SELECT updated_at FROM bookings
WHERE offer_id = :offer_id AND rider_id = :rider_id AND cancel_reason = 'cancelled_by_rider'
ORDER BY updated_at DESC
LIMIT 1 OFFSET :skipped;

-- name: list_bookings_of_user
-- A page of the bookings of a driver or rider, newest first, before a given (created_at, id).
SELECT * FROM (
    (
        SELECT * FROM bookings
        WHERE
            rider_id = :user_id
            AND (CAST(:statuses AS text []) IS NULL OR status = any(:statuses))
            AND (CAST(:offer_id AS uuid) IS NULL OR offer_id = :offer_id)
            AND (created_at, id) < (coalesce(CAST(:after_at AS timestamptz), 'infinity'), coalesce(CAST(:after_id AS uuid), 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
        ORDER BY created_at DESC, id DESC
        LIMIT :row_limit
    )
    UNION ALL
    (
        SELECT * FROM bookings
        WHERE
            driver_id = :user_id
            AND (CAST(:statuses AS text []) IS NULL OR status = any(:statuses))
            AND (CAST(:offer_id AS uuid) IS NULL OR offer_id = :offer_id)
            AND (created_at, id) < (coalesce(CAST(:after_at AS timestamptz), 'infinity'), coalesce(CAST(:after_id AS uuid), 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
        ORDER BY created_at DESC, id DESC
        LIMIT :row_limit
    )
) AS mine
ORDER BY created_at DESC, id DESC
LIMIT :row_limit;

-- name: list_bookings
-- The same page for all users.
SELECT * FROM bookings
WHERE
    (CAST(:statuses AS text []) IS NULL OR status = any(:statuses))
    AND (CAST(:offer_id AS uuid) IS NULL OR offer_id = :offer_id)
    AND (created_at, id) < (coalesce(CAST(:after_at AS timestamptz), 'infinity'), coalesce(CAST(:after_id AS uuid), 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
ORDER BY created_at DESC, id DESC
LIMIT :row_limit;

-- name: due_bookings
-- Bookings that are due for a transition, earliest first, locked until the transaction ends; rows locked by others are
-- skipped.
SELECT * FROM bookings
WHERE due_at <= :now
ORDER BY due_at
LIMIT :row_limit
FOR UPDATE SKIP LOCKED;

-- name: forget_bookings!
-- Delete bookings that ended before the retention period.
DELETE FROM bookings WHERE id IN (
    SELECT id FROM bookings
    WHERE updated_at < :before AND status IN ('CANCELLED', 'VALIDATED')
    ORDER BY updated_at
    LIMIT :row_limit
    FOR UPDATE SKIP LOCKED
);

-- name: insert_offer!
-- Store a new offer.
INSERT INTO offers (id, driver_id, created_at, {offer_columns})
VALUES (:id, :driver_id, :created_at, {:offer_columns});

-- name: get_offer^
-- An offer by id, in any status.
SELECT {whole_offer} FROM offers
WHERE id = :id;

-- name: list_offers_of_driver
-- A page of one driver's offers, soonest departure first, after a given (departure, id).
SELECT {whole_offer} FROM offers
WHERE
    driver_id = :driver_id
    AND (CAST(:status AS text) IS NULL OR status = :status)
    AND depart_at >= coalesce(CAST(:departure_from AS timestamptz), '-infinity')
    AND depart_at <= coalesce(CAST(:departure_to AS timestamptz), 'infinity')
    AND (depart_at, id) > (
        coalesce(CAST(:after_departure AS timestamptz), '-infinity'),
        coalesce(CAST(:after_id AS uuid), '00000000-0000-0000-0000-000000000000')
    )
ORDER BY depart_at, id
LIMIT :row_limit;

-- name: list_offers
-- The same page for all drivers.
SELECT {whole_offer} FROM offers
WHERE
    (CAST(:status AS text) IS NULL OR status = :status)
    AND depart_at >= coalesce(CAST(:departure_from AS timestamptz), '-infinity')
    AND depart_at <= coalesce(CAST(:departure_to AS timestamptz), 'infinity')
    AND (depart_at, id) > (
        coalesce(CAST(:after_departure AS timestamptz), '-infinity'),
        coalesce(CAST(:after_id AS uuid), '00000000-0000-0000-0000-000000000000')
    )
ORDER BY depart_at, id
LIMIT :row_limit;

-- name: update_open_offer^
-- Update an offer if it is OPEN and its version is still the one that was read; otherwise no row. Returns whether it
-- has stops of bookings.
UPDATE offers SET ({offer_columns}) = ROW ({:offer_columns})
WHERE id = :id AND version = :expected_version AND status = 'OPEN'
RETURNING EXISTS (SELECT 1 FROM offer_stops WHERE offer_id = offers.id) AS has_stops;

-- name: insert_stops!
-- Store the stops of an offer with bookings: [{position, kind, …}], keys as columns.
INSERT INTO offer_stops (offer_id, {stop_columns})
SELECT :offer_id, {stop_columns} FROM jsonb_populate_recordset(CAST(NULL AS offer_stops), CAST(:stops AS jsonb));

-- name: delete_stops!
-- Delete the stops of an offer, before new ones are stored.
DELETE FROM offer_stops WHERE offer_id = :offer_id;

-- name: mark_past
-- Mark OPEN offers that are over as PAST, oldest first; rows locked by others wait for the next run.
WITH gone AS (
    SELECT id FROM offers
    WHERE status = 'OPEN' AND over_at < :now
    ORDER BY over_at
    LIMIT :row_limit
    FOR UPDATE SKIP LOCKED
)
UPDATE offers SET status = 'PAST', version = offers.version + 1, updated_at = :now
FROM gone
WHERE offers.id = gone.id
RETURNING offers.id;

-- name: current_offers
-- The current state of some offers, against which matches are checked before they are shown.
SELECT id, version, status, seats_left, length_cm, {trip_columns}
FROM offers
WHERE id = any(CAST(:ids AS uuid []));

-- name: get_offers
-- Offers by id, in any status.
SELECT {whole_offer} FROM offers
WHERE id = any(CAST(:ids AS uuid []));

-- The search that a team without road-network matching would write: does the driver's route, as grid cells, pass near both ends?

-- name: make_table#
-- One row for each offer, with everything the search reads, so that it needs no join.
CREATE TABLE corridor (
    offer_id uuid NOT NULL CONSTRAINT corridor_pk PRIMARY KEY,
    departs_at timestamptz NOT NULL,
    leaves_from timestamptz NOT NULL,
    leaves_by timestamptz NOT NULL,
    seats_left smallint NOT NULL,
    cells integer [] NOT NULL
);

-- name: make_indexes#
-- After the rows are inserted: building an index at once is faster than growing it.
CREATE INDEX corridor_by_cell ON corridor USING gin (cells);
CREATE INDEX corridor_by_departure ON corridor (leaves_from, leaves_by);

-- name: sizes^
-- Size of the table and its indexes.
SELECT pg_total_relation_size('corridor') AS bytes, avg(cardinality(cells)) AS cells FROM corridor;

-- name: near_both_ends
-- Offers that pass near the pickup before they pass near the dropoff, leave in the window and have seats; nearest departure first.
SELECT c.offer_id
FROM corridor AS c
WHERE
    c.cells && CAST(:pickup AS integer [])
    AND c.cells && CAST(:dropoff AS integer [])
    AND c.leaves_from <= :latest
    AND c.leaves_by >= :earliest
    AND c.seats_left >= :seats
    AND (
        SELECT min(u.place) FROM unnest(c.cells) WITH ORDINALITY AS u (cell, place)
        WHERE u.cell = any(CAST(:pickup AS integer []))
    ) < (
        SELECT max(u.place) FROM unnest(c.cells) WITH ORDINALITY AS u (cell, place)
        WHERE u.cell = any(CAST(:dropoff AS integer []))
    )
ORDER BY abs(extract(EPOCH FROM c.departs_at - :wished)), c.offer_id
LIMIT :most;

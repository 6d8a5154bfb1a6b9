-- name: write_searches!
-- Write rows of searches, except those that exist.
INSERT INTO searches (
    id, at, region, origin_cell, destination_cell, considered, feasible, shown, turned_away, detour_s, walk_m,
    latency_us, window_s, seats, wanted_at, request_id
)
SELECT
    written.id, written.at, written.region, written.origin_cell, written.destination_cell, written.considered,
    written.feasible, written.shown, CAST(written.turned_away AS jsonb), written.detour_s, written.walk_m,
    written.latency_us, written.window_s, written.seats, written.wanted_at, written.request_id
FROM unnest(
    CAST(:id AS uuid []), CAST(:at AS timestamptz []), CAST(:region AS text []), CAST(:origin_cell AS bigint []),
    CAST(:destination_cell AS bigint []), CAST(:considered AS integer []), CAST(:feasible AS integer []),
    CAST(:shown AS integer []), CAST(:turned_away AS text []), CAST(:detour_s AS integer []), CAST(:walk_m AS integer []),
    CAST(:latency_us AS integer []), CAST(:window_s AS integer []), CAST(:seats AS smallint []),
    CAST(:wanted_at AS timestamptz []), CAST(:request_id AS text [])
) AS written (
    id, at, region, origin_cell, destination_cell, considered, feasible, shown, turned_away, detour_s, walk_m,
    latency_us, window_s, seats, wanted_at, request_id
)
ON CONFLICT ON CONSTRAINT searches_pk DO NOTHING;

-- name: write_losses!
-- Record how many searches have no row, once for each note.
INSERT INTO search_losses (id, region, at, searches)
SELECT noted.id, noted.region, noted.at, noted.searches
FROM unnest(
    CAST(:ids AS uuid []), CAST(:regions AS text []), CAST(:at AS timestamptz []), CAST(:searches AS bigint [])
) AS noted (id, region, at, searches)
ON CONFLICT ON CONSTRAINT search_losses_pk DO NOTHING;

-- name: mark_booked
-- Mark searches as booked that are not yet; waits for a concurrent roll-up of them.
UPDATE searches SET booked = true
WHERE id = any(CAST(:ids AS uuid [])) AND NOT booked
RETURNING region, at, rolled_up;

-- name: known_searches
-- Which of these searches have a row.
SELECT id FROM searches WHERE id = any(CAST(:ids AS uuid []));

-- name: count_booked!
-- Count a booked search in the roll-ups of its time.
UPDATE search_rollups SET booked = booked + 1
WHERE
    region = :region
    AND begins_at = date_bin(make_interval(secs => span_s), CAST(:at AS timestamptz), CAST('1970-01-01Z' AS timestamptz))
    AND span_s IN (900, 3600, 86400);

-- name: hold_searches$
-- Block other writers of searches in this transaction; before its first query, so that all its statements see
-- everything written so far.
LOCK TABLE searches IN SHARE ROW EXCLUSIVE MODE;

-- name: is_alone$
-- Whether this transaction holds the lock for rolling up.
SELECT pg_try_advisory_xact_lock(:key);

-- name: oldest_left^
-- The time range of about `row_limit` searches not rolled up yet, from the oldest; null if there are none.
SELECT
    min(picked.at) AS begins_at,
    max(picked.at) AS ends_at
FROM (SELECT at FROM searches WHERE NOT rolled_up ORDER BY at LIMIT :row_limit) AS picked;

-- name: sum_left
-- Searches not rolled up, asked from begins_at to ends_at (both inclusive), summed by region and quarter of an hour.
WITH
left_over AS (
    SELECT
        region,
        date_bin('15 minutes', at, CAST('1970-01-01Z' AS timestamptz)) AS quarter,
        considered, feasible, shown, seats, window_s, booked, turned_away, detour_s, walk_m, latency_us
    FROM searches
    WHERE
        NOT rolled_up AND at BETWEEN :begins_at AND :ends_at
        AND (CAST(:region AS text) IS NULL OR region = :region)
),

numbers AS (
    SELECT
        region,
        quarter,
        count(*) AS searches,
        count(*) FILTER (WHERE shown > 0) AS matched,
        count(*) FILTER (WHERE booked) AS booked,
        sum(considered) AS considered,
        sum(feasible) AS feasible,
        sum(shown) AS shown,
        sum(seats) AS seats,
        sum(window_s) AS window_s
    FROM left_over
    GROUP BY region, quarter
),

reasons AS (
    SELECT found.region, found.quarter, jsonb_object_agg(found.reason, found.offers) AS turned_away
    FROM (
        SELECT left_over.region, left_over.quarter, entry.key AS reason, sum(CAST(entry.value AS bigint)) AS offers
        FROM left_over CROSS JOIN LATERAL jsonb_each_text(left_over.turned_away) AS entry
        GROUP BY left_over.region, left_over.quarter, entry.key
    ) AS found
    GROUP BY found.region, found.quarter
),

histograms AS (
    SELECT
        counted.region,
        counted.quarter,
        jsonb_object_agg(counted.bucket, counted.n) FILTER (WHERE counted.measure = 'detour_s') AS detour_s,
        jsonb_object_agg(counted.bucket, counted.n) FILTER (WHERE counted.measure = 'walk_m') AS walk_m,
        jsonb_object_agg(counted.bucket, counted.n) FILTER (WHERE counted.measure = 'latency_us') AS latency_us
    FROM (
        SELECT
            left_over.region,
            left_over.quarter,
            measured.measure,
            width_bucket(least(measured.amount, :largest), CAST(:bounds AS bigint [])) - 1 AS bucket,
            count(*) AS n
        FROM left_over CROSS JOIN LATERAL (
            VALUES
            ('detour_s', CAST(left_over.detour_s AS bigint)),
            ('walk_m', CAST(left_over.walk_m AS bigint)),
            ('latency_us', CAST(left_over.latency_us AS bigint))
        ) AS measured (measure, amount)
        WHERE measured.amount IS NOT NULL
        GROUP BY left_over.region, left_over.quarter, measured.measure, bucket
    ) AS counted
    GROUP BY counted.region, counted.quarter
)

SELECT
    numbers.region,
    CAST(extract(EPOCH FROM numbers.quarter) AS bigint) AS quarter,
    numbers.searches,
    numbers.matched,
    numbers.booked,
    numbers.considered,
    numbers.feasible,
    numbers.shown,
    numbers.seats,
    numbers.window_s,
    coalesce(reasons.turned_away, '{}') AS turned_away,
    coalesce(histograms.detour_s, '{}') AS detour_s,
    coalesce(histograms.walk_m, '{}') AS walk_m,
    coalesce(histograms.latency_us, '{}') AS latency_us
FROM numbers
LEFT JOIN reasons ON numbers.region = reasons.region AND numbers.quarter = reasons.quarter
LEFT JOIN histograms ON numbers.region = histograms.region AND numbers.quarter = histograms.quarter
ORDER BY numbers.region, numbers.quarter;

-- name: sum_demand_left!
-- Add the demand of searches not rolled up, asked from begins_at to ends_at (both inclusive), to its hours.
INSERT INTO demand_hours AS demand (region, begins_at, side, cell, asked, unmatched)
SELECT searches.region, date_bin('1 hour', searches.at, CAST('1970-01-01Z' AS timestamptz)), ends.side, ends.cell,
    count(*), count(*) FILTER (WHERE searches.shown = 0)
FROM searches CROSS JOIN LATERAL (
    VALUES ('origin', searches.origin_cell), ('destination', searches.destination_cell)
) AS ends (side, cell)
WHERE NOT searches.rolled_up AND searches.at BETWEEN :begins_at AND :ends_at
GROUP BY 1, 2, 3, 4
ON CONFLICT ON CONSTRAINT demand_hours_pk
DO UPDATE SET asked = demand.asked + excluded.asked, unmatched = demand.unmatched + excluded.unmatched;

-- name: sum_wanted_left!
-- Add the wanted hours of searches not rolled up, asked from begins_at to ends_at (both inclusive), to their sums.
INSERT INTO wanted_hours AS wanted (region, begins_at, wanted_at, asked, unmatched)
SELECT region, date_bin('1 hour', at, CAST('1970-01-01Z' AS timestamptz)), wanted_at,
    count(*), count(*) FILTER (WHERE shown = 0)
FROM searches
WHERE NOT rolled_up AND wanted_at IS NOT NULL AND at BETWEEN :begins_at AND :ends_at
GROUP BY 1, 2, 3
ON CONFLICT ON CONSTRAINT wanted_hours_pk
DO UPDATE SET asked = wanted.asked + excluded.asked, unmatched = wanted.unmatched + excluded.unmatched;

-- name: find_rollup^
-- A roll-up, locked until the transaction ends.
SELECT turned_away, detour_s, walk_m, latency_us FROM search_rollups
WHERE region = :region AND span_s = :span_s AND begins_at = to_timestamp(CAST(:begins_s AS bigint))
FOR UPDATE;

-- name: add_rollup!
-- Add sums to a roll-up, or create it; reasons and histograms replace the stored ones.
INSERT INTO search_rollups AS present (
    region, span_s, begins_at, searches, matched, booked, considered, feasible, shown, seats, window_s, turned_away,
    detour_s, walk_m, latency_us, quantiles
)
VALUES (
    :region, :span_s, to_timestamp(CAST(:begins_s AS bigint)), :searches, :matched, :booked, :considered, :feasible, :shown,
    :seats, :window_s, :turned_away, :detour_s, :walk_m, :latency_us, :quantiles
)
ON CONFLICT ON CONSTRAINT search_rollups_pk
DO UPDATE SET
    searches = present.searches + excluded.searches,
    matched = present.matched + excluded.matched,
    booked = present.booked + excluded.booked,
    considered = present.considered + excluded.considered,
    feasible = present.feasible + excluded.feasible,
    shown = present.shown + excluded.shown,
    seats = present.seats + excluded.seats,
    window_s = present.window_s + excluded.window_s,
    turned_away = excluded.turned_away,
    detour_s = excluded.detour_s,
    walk_m = excluded.walk_m,
    latency_us = excluded.latency_us,
    quantiles = excluded.quantiles;

-- name: set_rolled_up!
-- Mark searches asked from begins_at to ends_at (both inclusive) as rolled up.
UPDATE searches SET rolled_up = true
WHERE NOT rolled_up AND at BETWEEN :begins_at AND :ends_at;

-- name: forget_searches!
-- Delete old searches that have been rolled up.
DELETE FROM searches
WHERE id IN (SELECT id FROM searches WHERE rolled_up AND at < :before LIMIT :row_limit FOR UPDATE SKIP LOCKED);

-- name: read_rollups^
-- Sums of one span in [begins_at, ends_at), each column concatenated in binary form, all in the same order, ascending
-- by time.
SELECT
    coalesce(string_agg(timestamptz_send(begins_at), ''), '') AS begins,
    coalesce(string_agg(int8send(searches), ''), '') AS searches,
    coalesce(string_agg(int8send(matched), ''), '') AS matched,
    coalesce(string_agg(int8send(booked), ''), '') AS booked,
    coalesce(string_agg(int8send(considered), ''), '') AS considered,
    coalesce(string_agg(int8send(feasible), ''), '') AS feasible,
    coalesce(string_agg(int8send(shown), ''), '') AS shown,
    coalesce(string_agg(int8send(seats), ''), '') AS seats,
    coalesce(string_agg(int8send(window_s), ''), '') AS window_s,
    coalesce(array_agg(CAST(turned_away AS text)), '{}') AS turned_away,
    coalesce(string_agg(quantiles, ''), '') AS quantiles
FROM (
    SELECT * FROM search_rollups
    WHERE region = :region AND span_s = :span_s AND begins_at >= :begins_at AND begins_at < :ends_at
    ORDER BY begins_at
) AS ordered;

-- name: read_histograms^
-- Histograms and reasons of one span in [begins_at, ends_at), or only of those that begin at `only`, concatenated, in
-- the same order.
SELECT
    coalesce(array_agg(CAST(extract(EPOCH FROM begins_at) AS bigint)), '{}') AS begins,
    coalesce(array_agg(CAST(turned_away AS text)), '{}') AS turned_away,
    coalesce(string_agg(detour_s, ''), '') AS detour_s,
    coalesce(array_agg(octet_length(detour_s)), '{}') AS detour_s_lengths,
    coalesce(string_agg(walk_m, ''), '') AS walk_m,
    coalesce(array_agg(octet_length(walk_m)), '{}') AS walk_m_lengths,
    coalesce(string_agg(latency_us, ''), '') AS latency_us,
    coalesce(array_agg(octet_length(latency_us)), '{}') AS latency_us_lengths
FROM (
    SELECT begins_at, turned_away, detour_s, walk_m, latency_us FROM search_rollups
    WHERE
        region = :region AND span_s = :span_s AND begins_at >= :begins_at AND begins_at < :ends_at
        AND (
            CAST(:only AS bigint []) IS NULL
            OR CAST(extract(EPOCH FROM begins_at) AS bigint) = any(CAST(:only AS bigint []))
        )
    ORDER BY begins_at
) AS ordered;

-- name: read_losses
-- Searches without a row, by quarter of an hour.
SELECT CAST(extract(EPOCH FROM at) AS bigint) AS at, CAST(sum(searches) AS bigint) AS searches FROM search_losses
WHERE region = :region AND at >= :begins_at AND at < :ends_at
GROUP BY 1
ORDER BY 1;

-- name: read_demand
-- Demand by cell of searches asked in [begins_at, ends_at), rolled up or not.
SELECT counted.cell, CAST(sum(counted.asked) AS bigint) AS asked, CAST(sum(counted.unmatched) AS bigint) AS unmatched
FROM (
    SELECT cell, asked, unmatched FROM demand_hours
    WHERE region = :region AND side = :side AND begins_at >= :begins_at AND begins_at < :ends_at
    UNION ALL
    SELECT CASE WHEN :side = 'origin' THEN origin_cell ELSE destination_cell END, 1, CAST(shown = 0 AS integer)
    FROM searches
    WHERE region = :region AND NOT rolled_up AND at >= :begins_at AND at < :ends_at
) AS counted
GROUP BY counted.cell
ORDER BY counted.cell;

-- name: read_wanted
-- Searches asked in [begins_at, ends_at), rolled up or not, by the hour that they were for.
SELECT
    CAST(extract(EPOCH FROM counted.wanted_at) AS bigint) AS at,
    CAST(sum(counted.asked) AS bigint) AS asked,
    CAST(sum(counted.unmatched) AS bigint) AS unmatched
FROM (
    SELECT wanted_at, asked, unmatched FROM wanted_hours
    WHERE region = :region AND begins_at >= :begins_at AND begins_at < :ends_at
    UNION ALL
    SELECT wanted_at, 1, CAST(shown = 0 AS integer)
    FROM searches
    WHERE
        region = :region AND NOT rolled_up AND wanted_at IS NOT NULL
        AND at >= :begins_at AND at < :ends_at
) AS counted
GROUP BY counted.wanted_at
ORDER BY counted.wanted_at;

-- name: read_offers
-- Offers that depart in [begins_at, ends_at), by quarter of an hour and status.
SELECT
    CAST(extract(EPOCH FROM date_bin('15 minutes', depart_at, CAST('1970-01-01Z' AS timestamptz))) AS bigint) AS at,
    status,
    count(*) AS offers,
    coalesce(sum(seats_offered) FILTER (WHERE status <> 'CANCELLED'), 0) AS seats_offered,
    coalesce(sum(seats_offered - seats_left) FILTER (WHERE status <> 'CANCELLED'), 0) AS seats_filled
FROM offers
WHERE region = :region AND depart_at >= :begins_at AND depart_at < :ends_at
GROUP BY 1, 2
ORDER BY 1, 2;

-- name: read_offer_bookings
-- Bookings of offers that depart in [begins_at, ends_at), by the offer's quarter of an hour and the booking's status.
SELECT
    CAST(
        extract(EPOCH FROM date_bin('15 minutes', offers.depart_at, CAST('1970-01-01Z' AS timestamptz))) AS bigint
    ) AS at,
    bookings.status,
    count(*) AS bookings
FROM offers INNER JOIN bookings ON offers.id = bookings.offer_id
WHERE offers.region = :region AND offers.depart_at >= :begins_at AND offers.depart_at < :ends_at
GROUP BY 1, 2
ORDER BY 1, 2;

-- name: searches_between
-- How many searches since a moment went from one of these cells to another one, by the local hour that they were for.
SELECT
    origin_cell, destination_cell,
    CAST(extract(HOUR FROM wanted_at AT TIME ZONE CAST(:zone AS text)) AS integer) AS hour, count(*) AS searches
FROM searches
WHERE
    origin_cell = any(CAST(:cells AS bigint [])) AND destination_cell = any(CAST(:cells AS bigint []))
    AND at >= :since AND region = :region AND wanted_at IS NOT NULL
GROUP BY 1, 2, 3;

-- name: search_of_request^
-- The latest search under a request id.
SELECT at, origin_cell, destination_cell, considered, feasible, shown, turned_away, seats, window_s, walk_m, wanted_at
FROM searches
WHERE request_id = :request_id AND region = :region AND wanted_at IS NOT NULL
ORDER BY at DESC
LIMIT 1;

-- What searches leave behind, and what it is rolled up into (docs/statistics.md, docs/decisions/0017-statistics.md).
--
-- A row of `searches` is counted in the roll-ups as soon as `rolled_up` is true: the transaction that sets it adds the row to all three
-- spans. So whoever reads the roll-ups and the rows that are not rolled up from one snapshot counts every search exactly once.

-- migrate:up

-- Every number here is bounded by a check far below 2^31, but for the sums, which are bigint.
-- squawk-ignore-file prefer-bigint-over-int, prefer-bigint-over-smallint

SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

CREATE TABLE searches (
    id uuid NOT NULL CONSTRAINT searches_pk PRIMARY KEY,
    at timestamptz NOT NULL,
    region text NOT NULL,
    origin_cell bigint NOT NULL,
    destination_cell bigint NOT NULL,
    considered integer NOT NULL,
    feasible integer NOT NULL,
    shown integer NOT NULL,
    turned_away jsonb NOT NULL,
    detour_s integer,
    walk_m integer,
    latency_us integer NOT NULL,
    window_s integer NOT NULL,
    seats smallint NOT NULL,
    booked boolean NOT NULL DEFAULT false,
    rolled_up boolean NOT NULL DEFAULT false,
    CONSTRAINT searches_cells_positive CHECK (origin_cell >= 0 AND destination_cell >= 0),
    CONSTRAINT searches_counts_in_order CHECK (shown >= 0 AND feasible >= shown AND considered >= feasible),
    CONSTRAINT searches_turned_away_is_object CHECK (jsonb_typeof(turned_away) = 'object'),
    CONSTRAINT searches_best_of_shown CHECK ((shown > 0) = (detour_s IS NOT NULL) AND (shown > 0) = (walk_m IS NOT NULL)),
    CONSTRAINT searches_measures_positive CHECK (detour_s >= 0 AND walk_m >= 0 AND latency_us >= 0 AND window_s >= 0),
    CONSTRAINT searches_seats_in_range CHECK (seats BETWEEN 1 AND 50)
);

CREATE INDEX searches_not_rolled_up ON searches (at) WHERE NOT rolled_up;
CREATE INDEX searches_by_time ON searches USING brin (at);

COMMENT ON TABLE searches IS 'One row for each search that was answered; nobody''s name is in it. Dropped when it is old.';
COMMENT ON COLUMN searches.id IS 'UUID version 7; match ids quote it. A row that is written again is written once.';
COMMENT ON COLUMN searches.at IS 'When it was asked.';
COMMENT ON COLUMN searches.region IS 'The road region that was searched.';
COMMENT ON COLUMN searches.origin_cell IS
'The cell of at least 1 km that the rider starts in: level * 2^40 + x * 2^20 + y of a slippy map tile.';
COMMENT ON COLUMN searches.destination_cell IS 'The cell that the rider goes to.';
COMMENT ON COLUMN searches.considered IS 'Offers that were considered: all active ones.';
COMMENT ON COLUMN searches.feasible IS 'Offers that could carry the rider.';
COMMENT ON COLUMN searches.shown IS 'Matches in the answer.';
COMMENT ON COLUMN searches.turned_away IS 'How many offers each reason turned away: {"detour": 311}.';
COMMENT ON COLUMN searches.detour_s IS 'Detour of the match ranked first, whole seconds; null when there was none.';
COMMENT ON COLUMN searches.walk_m IS 'Walk of the match ranked first, both ends, whole metres; null when there was none.';
COMMENT ON COLUMN searches.latency_us IS 'How long the answer took, microseconds.';
COMMENT ON COLUMN searches.window_s IS 'Length of the rider''s time window, seconds.';
COMMENT ON COLUMN searches.seats IS 'Seats asked for.';
COMMENT ON COLUMN searches.booked IS 'One of its matches was booked.';
COMMENT ON COLUMN searches.rolled_up IS 'It is counted in search_rollups and demand_hours.';

CREATE TABLE search_losses (
    id uuid NOT NULL CONSTRAINT search_losses_pk PRIMARY KEY,
    region text NOT NULL,
    at timestamptz NOT NULL,
    searches bigint NOT NULL,
    CONSTRAINT search_losses_positive CHECK (searches > 0)
);

CREATE INDEX search_losses_by_time ON search_losses (region, at);

COMMENT ON TABLE search_losses IS 'How many searches left no row because too many were waiting to be written.';
COMMENT ON COLUMN search_losses.id IS 'Given by who lost them, so that a note written again is written once.';
COMMENT ON COLUMN search_losses.region IS 'The road region that was searched.';
COMMENT ON COLUMN search_losses.at IS 'The quarter of an hour in which they were asked.';
COMMENT ON COLUMN search_losses.searches IS 'How many.';

CREATE TABLE search_rollups (
    region text NOT NULL,
    span_s integer NOT NULL,
    begins_at timestamptz NOT NULL,
    searches bigint NOT NULL,
    matched bigint NOT NULL,
    booked bigint NOT NULL,
    considered bigint NOT NULL,
    feasible bigint NOT NULL,
    shown bigint NOT NULL,
    seats bigint NOT NULL,
    window_s bigint NOT NULL,
    turned_away jsonb NOT NULL,
    detour_s bytea NOT NULL,
    walk_m bytea NOT NULL,
    latency_us bytea NOT NULL,
    quantiles bytea NOT NULL,
    CONSTRAINT search_rollups_pk PRIMARY KEY (region, span_s, begins_at),
    CONSTRAINT search_rollups_span_known CHECK (span_s IN (900, 3600, 86400)),
    CONSTRAINT search_rollups_counts_in_order CHECK (booked BETWEEN 0 AND searches AND matched BETWEEN 0 AND searches),
    CONSTRAINT search_rollups_turned_away_is_object CHECK (jsonb_typeof(turned_away) = 'object'),
    CONSTRAINT search_rollups_histograms_whole
    CHECK (octet_length(detour_s) % 6 = 0 AND octet_length(walk_m) % 6 = 0 AND octet_length(latency_us) % 6 = 0),
    CONSTRAINT search_rollups_quantiles_whole CHECK (octet_length(quantiles) = 18)
) WITH (toast_tuple_target = 8160);

COMMENT ON TABLE search_rollups IS
'Sums of searches by quarter of an hour, hour and day, all of UTC; each search is in one row of each span.';
COMMENT ON COLUMN search_rollups.region IS 'The road region that was searched.';
COMMENT ON COLUMN search_rollups.span_s IS 'Length of the span: 900, 3600 or 86400 seconds.';
COMMENT ON COLUMN search_rollups.begins_at IS 'When the span begins; a whole multiple of its length since 1970 UTC.';
COMMENT ON COLUMN search_rollups.searches IS 'Searches that were answered.';
COMMENT ON COLUMN search_rollups.matched IS 'Those that showed at least one match.';
COMMENT ON COLUMN search_rollups.booked IS 'Those of which a match was booked, whenever that was.';
COMMENT ON COLUMN search_rollups.considered IS 'Sum of offers considered.';
COMMENT ON COLUMN search_rollups.feasible IS 'Sum of offers that could carry the rider.';
COMMENT ON COLUMN search_rollups.shown IS 'Sum of matches shown.';
COMMENT ON COLUMN search_rollups.seats IS 'Sum of seats asked for.';
COMMENT ON COLUMN search_rollups.window_s IS 'Sum of the lengths of time windows, seconds.';
COMMENT ON COLUMN search_rollups.turned_away IS 'Sum of offers turned away, by reason.';
COMMENT ON COLUMN search_rollups.detour_s IS
'Histogram of detours: (bucket uint16, count uint32), little endian, ascending by bucket; matcher/statistics/histograms.py.';
COMMENT ON COLUMN search_rollups.walk_m IS 'Histogram of walks, in the same form.';
COMMENT ON COLUMN search_rollups.latency_us IS 'Histogram of latencies, in the same form.';
COMMENT ON COLUMN search_rollups.quantiles IS
'Buckets of p50, p95 and p99 of the detours, the walks and the latencies, each uint16, little endian; 65535 for none.';

CREATE TABLE demand_hours (
    region text NOT NULL,
    begins_at timestamptz NOT NULL,
    side text NOT NULL,
    cell bigint NOT NULL,
    asked bigint NOT NULL,
    unmatched bigint NOT NULL,
    CONSTRAINT demand_hours_pk PRIMARY KEY (region, begins_at, side, cell),
    CONSTRAINT demand_hours_side_known CHECK (side IN ('origin', 'destination')),
    CONSTRAINT demand_hours_counts_in_order CHECK (unmatched BETWEEN 0 AND asked)
);

COMMENT ON TABLE demand_hours IS 'Where riders asked, and found nothing, by hour of UTC. Cells are hidden when they are read, not here.';
COMMENT ON COLUMN demand_hours.region IS 'The road region that was searched.';
COMMENT ON COLUMN demand_hours.begins_at IS 'When the hour begins.';
COMMENT ON COLUMN demand_hours.side IS 'Whether the cell is where riders start (origin) or go to (destination).';
COMMENT ON COLUMN demand_hours.cell IS 'The cell, numbered as in searches.';
COMMENT ON COLUMN demand_hours.asked IS 'Searches from or to the cell.';
COMMENT ON COLUMN demand_hours.unmatched IS 'Those that showed no match.';

-- migrate:down
-- Forward only: a mistake is corrected by the next migration.

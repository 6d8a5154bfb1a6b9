-- Searches that wait for offers (docs/decisions/0020-kept-requests.md).

-- migrate:up

-- Every number here is bounded by a check far below 2^15.
-- squawk-ignore-file prefer-bigint-over-int, prefer-bigint-over-smallint

SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

CREATE TABLE requests (
    id uuid NOT NULL CONSTRAINT requests_pk PRIMARY KEY,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    rider_id text NOT NULL,
    region text NOT NULL,
    region_fingerprint text NOT NULL,
    origin jsonb NOT NULL,
    destination jsonb NOT NULL,
    window_kind text NOT NULL,
    earliest_at timestamptz NOT NULL,
    latest_at timestamptz NOT NULL,
    window_offset_s integer NOT NULL,
    window_zone text,
    seats smallint NOT NULL,
    max_walk_m integer NOT NULL,
    preferences jsonb NOT NULL,
    women_only boolean NOT NULL,
    searched text,
    created_at timestamptz NOT NULL,
    CONSTRAINT requests_rider_short CHECK (char_length(rider_id) BETWEEN 1 AND 200),
    CONSTRAINT requests_places_are_objects
    CHECK (jsonb_typeof(origin) = 'object' AND jsonb_typeof(destination) = 'object'),
    CONSTRAINT requests_preferences_are_object CHECK (jsonb_typeof(preferences) = 'object'),
    CONSTRAINT requests_window_kind_known CHECK (window_kind IN ('departure', 'arrival')),
    CONSTRAINT requests_window_ends_after CHECK (latest_at >= earliest_at),
    CONSTRAINT requests_offset_in_range CHECK (window_offset_s BETWEEN -86400 AND 86400),
    CONSTRAINT requests_seats_in_range CHECK (seats BETWEEN 1 AND 8),
    CONSTRAINT requests_walk_in_range CHECK (max_walk_m BETWEEN 0 AND 5000)
);

CREATE INDEX requests_by_rider ON requests (rider_id, id);
CREATE INDEX requests_by_transaction ON requests (xid);
CREATE INDEX requests_by_end ON requests (latest_at);
CREATE INDEX requests_unsettled ON requests (region) WHERE searched IS NOT NULL;

COMMENT ON TABLE requests IS 'Searches that wait: each new or changed offer is matched against them. A row goes when its rider takes it back.';
COMMENT ON COLUMN requests.id IS 'UUID version 7.';
COMMENT ON COLUMN requests.xid IS 'The transaction that kept it: readers tell by their snapshot what is new to them.';
COMMENT ON COLUMN requests.rider_id IS 'The user who is told.';
COMMENT ON COLUMN requests.region IS 'The region it was resolved in.';
COMMENT ON COLUMN requests.region_fingerprint IS 'The import of the region that its road positions are good for.';
COMMENT ON COLUMN requests.origin IS 'The place as it was resolved, with its road position.';
COMMENT ON COLUMN requests.destination IS 'The same for where the rider wants to go.';
COMMENT ON COLUMN requests.window_kind IS 'What the window is about: leaving the door, or arriving at it.';
COMMENT ON COLUMN requests.earliest_at IS 'The window begins.';
COMMENT ON COLUMN requests.latest_at IS 'The window ends, and with it the wait.';
COMMENT ON COLUMN requests.window_offset_s IS 'The offset from UTC that the window came in, seconds.';
COMMENT ON COLUMN requests.window_zone IS 'The named zone it came in; null for a mere offset.';
COMMENT ON COLUMN requests.seats IS 'Seats wanted.';
COMMENT ON COLUMN requests.max_walk_m IS 'How far the rider walks at each end, metres.';
COMMENT ON COLUMN requests.preferences IS 'What the rider likes, true, or rather not, false.';
COMMENT ON COLUMN requests.women_only IS 'Only drivers who share that they are women.';
COMMENT ON COLUMN requests.searched IS
'The snapshot of the offers that were searched when it was kept; null once all that came after it has been matched.';
COMMENT ON COLUMN requests.created_at IS 'When it was kept.';

CREATE TABLE request_matches (
    request_id uuid NOT NULL,
    offer_id uuid NOT NULL,
    found_at timestamptz NOT NULL,
    CONSTRAINT request_matches_pk PRIMARY KEY (request_id, offer_id),
    CONSTRAINT request_matches_of_request FOREIGN KEY (request_id) REFERENCES requests (id) ON DELETE CASCADE,
    CONSTRAINT request_matches_of_offer FOREIGN KEY (offer_id) REFERENCES offers (id) ON DELETE CASCADE
);

CREATE INDEX request_matches_by_offer ON request_matches (offer_id);

COMMENT ON TABLE request_matches IS 'Which offers a rider has been told of: nobody is told twice of the same one.';
COMMENT ON COLUMN request_matches.request_id IS 'What was wanted.';
COMMENT ON COLUMN request_matches.offer_id IS 'What fitted.';
COMMENT ON COLUMN request_matches.found_at IS 'When the rider was told, or was shown it.';

CREATE TABLE request_progress (
    region text NOT NULL CONSTRAINT request_progress_pk PRIMARY KEY,
    seen text NOT NULL
);

COMMENT ON TABLE request_progress IS 'How far the changes of offers have been matched against requests, region by region.';
COMMENT ON COLUMN request_progress.region IS 'Whose offers.';
COMMENT ON COLUMN request_progress.seen IS 'The snapshot up to which all changes have been matched.';

-- migrate:down
-- Forward only: a mistake is corrected by the next migration.

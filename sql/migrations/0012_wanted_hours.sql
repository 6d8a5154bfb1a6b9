-- When riders wanted to travel, by the hour, so that drivers learn how many searched their way; and under which request the log
-- knows a search, so that operators can make it again. Older versions of the service write neither.

-- migrate:up

-- squawk-ignore-file require-concurrent-index-creation

SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

ALTER TABLE searches
ADD COLUMN wanted_at timestamptz,
ADD COLUMN request_id text,
ADD CONSTRAINT searches_wanted_by_the_hour CHECK (extract(EPOCH FROM wanted_at)::bigint % 3600 = 0) NOT VALID,
ADD CONSTRAINT searches_request_id_length CHECK (char_length(request_id) BETWEEN 1 AND 64) NOT VALID;

COMMENT ON COLUMN searches.wanted_at IS
'The full hour of UTC in which the middle of the rider''s time window lies; null for searches of older versions.';
COMMENT ON COLUMN searches.request_id IS 'The X-Request-Id of the call, as in the log; null where there was none.';

-- No row has them yet, so both indexes are empty when they are made.
CREATE INDEX searches_by_origin ON searches (origin_cell, at) WHERE wanted_at IS NOT NULL;
CREATE INDEX searches_by_request ON searches (request_id, at) WHERE request_id IS NOT NULL;

-- migrate:down
-- Forward only: a mistake is corrected by the next migration.

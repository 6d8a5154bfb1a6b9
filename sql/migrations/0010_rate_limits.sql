-- What callers have used of their rate limits, shared by all processes (docs/decisions/0018-watching-and-protection.md).
--
-- Unlogged: it is written by many calls, a crash may forget it, and nothing else depends on it. No index but the key, and pages half
-- empty, so that an update stays on its page.

-- migrate:up

SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

CREATE UNLOGGED TABLE rate_limits (
    key bytea NOT NULL CONSTRAINT rate_limits_pk PRIMARY KEY,
    busy_until_us bigint NOT NULL,
    asked_at_us bigint NOT NULL,
    granted bigint NOT NULL,
    CONSTRAINT rate_limits_key_short CHECK (octet_length(key) = 16)
) WITH (fillfactor = 50);

COMMENT ON TABLE rate_limits IS 'A row for each caller and kind of limit that was used lately.';
COMMENT ON COLUMN rate_limits.key IS 'Keyed hash of the limit and the user or address: nobody can be told from it.';
COMMENT ON COLUMN rate_limits.busy_until_us IS
'When nothing of the limit is used any more (GCRA''s theoretical arrival time), in microseconds since 1970 by this server''s clock.';
COMMENT ON COLUMN rate_limits.asked_at_us IS 'When the caller was last asked about, in the same unit.';
COMMENT ON COLUMN rate_limits.granted IS 'How many calls were granted then.';

-- migrate:down
-- Forward only: a mistake is corrected by the next migration.

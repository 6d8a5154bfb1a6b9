-- At what hours riders want to travel and find nothing, summed by the hour in which they asked. Searches that were rolled up before
-- this, or by an older version of the service, are not in it.

-- migrate:up

SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

CREATE TABLE wanted_hours (
    region text NOT NULL,
    begins_at timestamptz NOT NULL,
    wanted_at timestamptz NOT NULL,
    asked bigint NOT NULL,
    unmatched bigint NOT NULL,
    CONSTRAINT wanted_hours_pk PRIMARY KEY (region, begins_at, wanted_at),
    CONSTRAINT wanted_hours_counts_in_order CHECK (unmatched BETWEEN 0 AND asked)
);

COMMENT ON TABLE wanted_hours IS 'For which hours riders asked, and found nothing, by the hour of UTC in which they asked.';
COMMENT ON COLUMN wanted_hours.region IS 'The road region that was searched.';
COMMENT ON COLUMN wanted_hours.begins_at IS 'When the hour begins in which they asked.';
COMMENT ON COLUMN wanted_hours.wanted_at IS 'When the hour begins that they wanted, as in searches.';
COMMENT ON COLUMN wanted_hours.asked IS 'Searches for that hour.';
COMMENT ON COLUMN wanted_hours.unmatched IS 'Those that showed no match.';

-- migrate:down
-- Forward only: a mistake is corrected by the next migration.

-- Series: trips that a driver makes again and again, and those with a way back. Their occurrences are ordinary offers
-- (docs/decisions/0019-series.md).
--
-- Which offer is which occurrence is kept beside the offers, not in them: single trips, which are most, weigh what they did, and an older version
-- of the service goes on writing offers.

-- migrate:up

-- squawk-ignore-file prefer-bigint-over-int, prefer-bigint-over-smallint

SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

CREATE TABLE series (
    id uuid NOT NULL CONSTRAINT series_pk PRIMARY KEY,
    driver_id text NOT NULL,
    region text NOT NULL,
    status text NOT NULL,
    version integer NOT NULL,
    time_zone text NOT NULL,
    exceptions date [] NOT NULL,
    ends_before date,
    next_date date,
    aligned_version integer NOT NULL,
    claimed_until timestamptz,
    trouble text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT series_driver_short CHECK (char_length(driver_id) BETWEEN 1 AND 200),
    CONSTRAINT series_status_known CHECK (status IN ('OPEN', 'CANCELLED')),
    CONSTRAINT series_version_positive CHECK (version >= 1),
    CONSTRAINT series_aligned_with_the_past CHECK (aligned_version BETWEEN 0 AND version),
    CONSTRAINT series_zone_short CHECK (char_length(time_zone) BETWEEN 1 AND 100),
    CONSTRAINT series_exceptions_few CHECK (cardinality(exceptions) <= 400),
    CONSTRAINT series_trouble_short CHECK (char_length(trouble) BETWEEN 1 AND 100)
);

CREATE INDEX series_by_driver ON series (driver_id, created_at, id);
CREATE INDEX series_by_creation ON series (created_at, id);
CREATE INDEX series_to_make ON series (next_date) WHERE next_date IS NOT NULL;
CREATE INDEX series_to_align ON series (id) WHERE aligned_version < version;

COMMENT ON TABLE series IS 'Trips that are driven again and again, or there and back.';
COMMENT ON COLUMN series.id IS 'UUID version 7.';
COMMENT ON COLUMN series.driver_id IS 'The user who drives.';
COMMENT ON COLUMN series.region IS 'The road region in which it drives.';
COMMENT ON COLUMN series.status IS 'OPEN has occurrences made ahead; CANCELLED was withdrawn.';
COMMENT ON COLUMN series.version IS 'Starts at 1, grows by one with every change; the ETag of the HTTP contract.';
COMMENT ON COLUMN series.time_zone IS 'The IANA zone of its local times.';
COMMENT ON COLUMN series.exceptions IS 'Dates on which it is not driven.';
COMMENT ON COLUMN series.ends_before IS 'From this date on it was withdrawn; null when it was not.';
COMMENT ON COLUMN series.next_date IS 'The first date for which occurrences may be missing; null when none will be.';
COMMENT ON COLUMN series.aligned_version IS 'The version that all occurrences have been brought in line with.';
COMMENT ON COLUMN series.claimed_until IS 'Until then some process is at work on it, or it is too soon to try again.';
COMMENT ON COLUMN series.trouble IS 'The code of the error because of which occurrences cannot be made; null when they can.';
COMMENT ON COLUMN series.created_at IS 'When it was posted.';
COMMENT ON COLUMN series.updated_at IS 'When it last changed.';

CREATE TABLE series_phases (
    series_id uuid NOT NULL,
    from_date date NOT NULL,
    until_date date,
    weekdays smallint [] NOT NULL,
    departure time NOT NULL,
    return_departure time,
    return_days_later smallint NOT NULL,
    trip jsonb NOT NULL,
    CONSTRAINT series_phases_pk PRIMARY KEY (series_id, from_date),
    CONSTRAINT series_phases_of_series FOREIGN KEY (series_id) REFERENCES series (id) ON DELETE CASCADE,
    CONSTRAINT series_phases_in_order CHECK (until_date >= from_date),
    CONSTRAINT series_phases_weekdays_known CHECK (weekdays <@ ARRAY[1, 2, 3, 4, 5, 6, 7]::smallint []),
    CONSTRAINT series_phases_once_or_weekly CHECK (cardinality(weekdays) > 0 OR until_date = from_date),
    CONSTRAINT series_phases_return_in_range CHECK (return_days_later BETWEEN 0 AND 60),
    CONSTRAINT series_phases_trip_is_object CHECK (jsonb_typeof(trip) = 'object')
);

COMMENT ON TABLE series_phases IS 'What a series is like from a date on, until the next phase or its own end.';
COMMENT ON COLUMN series_phases.series_id IS 'Whose.';
COMMENT ON COLUMN series_phases.from_date IS 'The first local date it may be driven on.';
COMMENT ON COLUMN series_phases.until_date IS 'The last such date; null for no end.';
COMMENT ON COLUMN series_phases.weekdays IS 'ISO weekdays, Monday is 1; empty for the one date from_date.';
COMMENT ON COLUMN series_phases.departure IS 'Local time at which it leaves.';
COMMENT ON COLUMN series_phases.return_departure IS 'Local time at which the way back leaves; null without one.';
COMMENT ON COLUMN series_phases.return_days_later IS 'How many days after the way there that is.';
COMMENT ON COLUMN series_phases.trip IS
'What its offers are like: resolved places, region_fingerprint, seats, and the other fields of an offer.';

CREATE TABLE series_occurrences (
    series_id uuid NOT NULL,
    series_date date NOT NULL,
    direction text NOT NULL,
    offer_id uuid NOT NULL,
    series_version integer NOT NULL,
    detached boolean NOT NULL,
    CONSTRAINT series_occurrences_pk PRIMARY KEY (series_id, series_date, direction),
    CONSTRAINT series_occurrences_one_offer UNIQUE (offer_id),
    CONSTRAINT series_occurrences_of_series FOREIGN KEY (series_id) REFERENCES series (id) ON DELETE CASCADE,
    CONSTRAINT series_occurrences_of_offer FOREIGN KEY (offer_id) REFERENCES offers (id) ON DELETE CASCADE,
    CONSTRAINT series_occurrences_direction_known CHECK (direction IN ('OUT', 'BACK')),
    CONSTRAINT series_occurrences_version_positive CHECK (series_version >= 1)
);

COMMENT ON TABLE series_occurrences IS 'The offers that were made of a series: one for each date and direction, whatever became of it.';
COMMENT ON COLUMN series_occurrences.series_id IS 'Of which series.';
COMMENT ON COLUMN series_occurrences.series_date IS 'The local date on which the way there leaves, also for the way back.';
COMMENT ON COLUMN series_occurrences.direction IS 'OUT is the way there, BACK the way back.';
COMMENT ON COLUMN series_occurrences.offer_id IS 'The offer.';
COMMENT ON COLUMN series_occurrences.series_version IS 'The version of the series that it was made of, or last changed to.';
COMMENT ON COLUMN series_occurrences.detached IS 'It was changed or cancelled by itself, or could not follow: changes of the series leave it.';

-- migrate:down
-- Forward only: a mistake is corrected by the next migration.

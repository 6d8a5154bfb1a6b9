-- What people are told about their trips, and where to (docs/decisions/0015-events.md).
--
-- An event is written in the transaction of its cause. It gets its number afterwards, when it is committed: identities are drawn when a row is
-- written, so a lower one may appear after a higher one, and a reader that goes by them would skip it. Numbers are given by one transaction at a
-- time, which holds the row of event_numbers, so they appear in their order and without gaps.

-- migrate:up

-- Every number here is bounded by a check far below 2^31.
-- squawk-ignore-file prefer-bigint-over-int, prefer-bigint-over-smallint

SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

CREATE TABLE events (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT events_pk PRIMARY KEY,
    number bigint CONSTRAINT events_number_once UNIQUE,
    recipient text NOT NULL,
    kind text NOT NULL,
    trip_id uuid NOT NULL,
    data jsonb NOT NULL,
    dedupe_key text,
    created_at timestamptz NOT NULL,
    CONSTRAINT events_once UNIQUE (recipient, dedupe_key),
    CONSTRAINT events_number_positive CHECK (number >= 1),
    CONSTRAINT events_recipient_short CHECK (char_length(recipient) BETWEEN 1 AND 200),
    CONSTRAINT events_kind_is_word CHECK (kind ~ '^[a-z_]{1,50}$'),
    CONSTRAINT events_data_is_object CHECK (jsonb_typeof(data) = 'object'),
    CONSTRAINT events_dedupe_key_short CHECK (char_length(dedupe_key) BETWEEN 1 AND 200)
);

CREATE INDEX events_by_recipient ON events (recipient, number);
CREATE INDEX events_unnumbered ON events (id) WHERE number IS NULL;
CREATE INDEX events_by_age ON events (created_at);

COMMENT ON TABLE events IS 'What somebody is told, for as long as somebody may be away without reading everything again.';
COMMENT ON COLUMN events.id IS
'Counts events as they are written; events of one trip in their order, as whoever writes them holds the trip.';
COMMENT ON COLUMN events.number IS 'The order in which events are delivered; null until the event is committed and seen.';
COMMENT ON COLUMN events.recipient IS 'The user who is told.';
COMMENT ON COLUMN events.kind IS 'What has happened: booking_confirmed, trip_cancelled, and so on.';
COMMENT ON COLUMN events.trip_id IS 'The offer it is about; of webhook_disabled the webhook.';
COMMENT ON COLUMN events.data IS 'Ids, statuses and times; never a coordinate or an address.';
COMMENT ON COLUMN events.dedupe_key IS 'What the recipient is told once only; null for no such thing.';
COMMENT ON COLUMN events.created_at IS 'When it happened.';

CREATE TABLE event_numbers (
    singleton boolean NOT NULL DEFAULT true CONSTRAINT event_numbers_pk PRIMARY KEY,
    given bigint NOT NULL DEFAULT 0,
    forgotten bigint NOT NULL DEFAULT 0,
    CONSTRAINT event_numbers_one_row CHECK (singleton),
    CONSTRAINT event_numbers_in_order CHECK (forgotten BETWEEN 0 AND given)
);

INSERT INTO event_numbers DEFAULT VALUES;

COMMENT ON TABLE event_numbers IS 'One row: which numbers events have. Whoever gives numbers holds it.';
COMMENT ON COLUMN event_numbers.singleton IS 'Always true, so that there is one row.';
COMMENT ON COLUMN event_numbers.given IS 'The last number that was given.';
COMMENT ON COLUMN event_numbers.forgotten IS
'The highest number of an event that was deleted for its age: a reader that had not read up to it may have missed something.';

CREATE TABLE webhooks (
    id uuid NOT NULL CONSTRAINT webhooks_pk PRIMARY KEY,
    owner text NOT NULL,
    also_for text [] NOT NULL,
    url text NOT NULL,
    kinds text [] NOT NULL,
    description text NOT NULL,
    status text NOT NULL,
    disabled_because text,
    secret_version integer NOT NULL,
    old_secret_until timestamptz,
    failing_since timestamptz,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT webhooks_owner_short CHECK (char_length(owner) BETWEEN 1 AND 200),
    CONSTRAINT webhooks_also_for_few CHECK (cardinality(also_for) <= 100),
    CONSTRAINT webhooks_url_short CHECK (char_length(url) BETWEEN 1 AND 2000),
    CONSTRAINT webhooks_kinds_few CHECK (cardinality(kinds) <= 50),
    CONSTRAINT webhooks_description_short CHECK (char_length(description) <= 200),
    CONSTRAINT webhooks_status_known CHECK (status IN ('ENABLED', 'DISABLED')),
    CONSTRAINT webhooks_reason_when_disabled CHECK (status = 'DISABLED' OR disabled_because IS NULL),
    CONSTRAINT webhooks_secret_version_positive CHECK (secret_version >= 1),
    CONSTRAINT webhooks_version_positive CHECK (version >= 1)
);

CREATE INDEX webhooks_by_owner ON webhooks (owner, id);
CREATE INDEX webhooks_for_others ON webhooks (id) WHERE also_for <> '{}';

COMMENT ON TABLE webhooks IS 'Where else events are sent to. Secrets are not stored: they are derived from the id and secret_version.';
COMMENT ON COLUMN webhooks.id IS 'UUID version 7.';
COMMENT ON COLUMN webhooks.owner IS 'The user who made it; it is sent their events.';
COMMENT ON COLUMN webhooks.also_for IS
'Whose events it is sent besides: user names, or beginnings of names with a * at the end; empty for nobody else''s.';
COMMENT ON COLUMN webhooks.url IS 'What is posted to.';
COMMENT ON COLUMN webhooks.kinds IS 'Which events it is sent; empty for all.';
COMMENT ON COLUMN webhooks.description IS 'A word of the owner''s.';
COMMENT ON COLUMN webhooks.status IS 'ENABLED is sent events; for DISABLED none are queued and those queued wait.';
COMMENT ON COLUMN webhooks.disabled_because IS 'Why the service disabled it; null when its owner did.';
COMMENT ON COLUMN webhooks.secret_version IS 'Which of its secrets signs; grows by one when the secret is rotated.';
COMMENT ON COLUMN webhooks.old_secret_until IS 'Until then the secret before signs as well; null for not at all.';
COMMENT ON COLUMN webhooks.failing_since IS 'Since when no delivery has succeeded; null when the last one did.';
COMMENT ON COLUMN webhooks.version IS 'Starts at 1, grows by one with every change of the owner''s; the ETag of the HTTP contract.';
COMMENT ON COLUMN webhooks.created_at IS 'When it was made.';
COMMENT ON COLUMN webhooks.updated_at IS 'When its owner or the service last changed it.';

CREATE TABLE webhook_deliveries (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT webhook_deliveries_pk PRIMARY KEY,
    webhook_id uuid NOT NULL,
    event_id bigint NOT NULL,
    trip_id uuid NOT NULL,
    number bigint NOT NULL,
    status text NOT NULL DEFAULT 'PENDING',
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL,
    leased_until timestamptz,
    answer_status smallint,
    error text,
    created_at timestamptz NOT NULL,
    ended_at timestamptz,
    CONSTRAINT webhook_deliveries_once UNIQUE (event_id, webhook_id),
    CONSTRAINT webhook_deliveries_to_webhook FOREIGN KEY (webhook_id) REFERENCES webhooks (id) ON DELETE CASCADE,
    CONSTRAINT webhook_deliveries_of_event FOREIGN KEY (event_id) REFERENCES events (id) ON DELETE CASCADE,
    CONSTRAINT webhook_deliveries_status_known CHECK (status IN ('PENDING', 'DELIVERED', 'DEAD')),
    CONSTRAINT webhook_deliveries_attempts_positive CHECK (attempts >= 0),
    CONSTRAINT webhook_deliveries_answer_is_http CHECK (answer_status BETWEEN 100 AND 999),
    CONSTRAINT webhook_deliveries_error_short CHECK (char_length(error) <= 200),
    CONSTRAINT webhook_deliveries_ended_or_pending CHECK ((status = 'PENDING') = (ended_at IS NULL))
);

CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_attempt_at) WHERE status = 'PENDING';
CREATE INDEX webhook_deliveries_in_order ON webhook_deliveries (webhook_id, trip_id, number) WHERE status = 'PENDING';
CREATE INDEX webhook_deliveries_of_webhook ON webhook_deliveries (webhook_id, id);
CREATE INDEX webhook_deliveries_dead ON webhook_deliveries (id) WHERE status = 'DEAD';
CREATE INDEX webhook_deliveries_ended ON webhook_deliveries (ended_at) WHERE status = 'DELIVERED';

COMMENT ON TABLE webhook_deliveries IS 'What is sent where, and how that went. It goes with its event and with its webhook.';
COMMENT ON COLUMN webhook_deliveries.id IS 'Counts deliveries.';
COMMENT ON COLUMN webhook_deliveries.webhook_id IS 'Where to.';
COMMENT ON COLUMN webhook_deliveries.event_id IS 'What.';
COMMENT ON COLUMN webhook_deliveries.trip_id IS 'The trip of the event: of one trip the next is sent when the one before has ended.';
COMMENT ON COLUMN webhook_deliveries.number IS 'The number of the event: the order of one trip''s deliveries.';
COMMENT ON COLUMN webhook_deliveries.status IS
'PENDING is sent, and sent again; DELIVERED was taken; DEAD was given up and can be replayed.';
COMMENT ON COLUMN webhook_deliveries.attempts IS 'How often it was sent.';
COMMENT ON COLUMN webhook_deliveries.next_attempt_at IS 'Before this it is not sent.';
COMMENT ON COLUMN webhook_deliveries.leased_until IS 'Until then one process is sending it; null for none.';
COMMENT ON COLUMN webhook_deliveries.answer_status IS 'The HTTP status of the last answer; null when none came.';
COMMENT ON COLUMN webhook_deliveries.error IS 'What went wrong the last time, in a few words.';
COMMENT ON COLUMN webhook_deliveries.created_at IS 'When it was queued.';
COMMENT ON COLUMN webhook_deliveries.ended_at IS 'When it was delivered or given up.';

-- migrate:down
-- Forward only: a mistake is corrected by the next migration.

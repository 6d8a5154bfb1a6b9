-- People: whom a server may act for, what somebody chose to share, who does not want to meet whom, and proof that somebody was erased.
--
-- Nothing is kept on somebody who shares nothing and blocks nobody: there is no table of users, and `user_id` refers to none.

-- migrate:up

SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

ALTER TABLE api_keys
ADD COLUMN act_as text [] NOT NULL DEFAULT '{}'
CONSTRAINT api_keys_act_as_known CHECK (act_as <@ ARRAY['rider', 'driver'])
CONSTRAINT api_keys_act_as_of_partner CHECK (act_as = '{}' OR role = 'partner');

COMMENT ON COLUMN api_keys.act_as IS
'The roles in which the server that holds it may act for users of its own; empty for everybody else.';

ALTER TABLE offers
ADD COLUMN women_only boolean NOT NULL DEFAULT false,
ADD COLUMN driver_is_woman boolean NOT NULL DEFAULT false
CONSTRAINT offers_women_only_is_mutual CHECK (driver_is_woman OR NOT women_only);

COMMENT ON COLUMN offers.women_only IS 'Only riders who share that they are women are carried.';
COMMENT ON COLUMN offers.driver_is_woman IS
'The driver shares that she is a woman: follows table people while the offer is OPEN. Nobody but the driver is shown it.';

CREATE TABLE people (
    user_id text NOT NULL CONSTRAINT people_pk PRIMARY KEY,
    shares text NOT NULL,
    since timestamptz NOT NULL,
    CONSTRAINT people_user_short CHECK (char_length(user_id) BETWEEN 1 AND 200),
    CONSTRAINT people_shares_known CHECK (shares IN ('woman'))
);

COMMENT ON TABLE people IS 'What persons chose to share of themselves; whoever shares nothing is not in here.';
COMMENT ON COLUMN people.user_id IS 'Who.';
COMMENT ON COLUMN people.shares IS 'What is shared with the service, for the wish "women only"; it is shown to nobody else.';
COMMENT ON COLUMN people.since IS 'Since when.';

CREATE TABLE blocks (
    id uuid NOT NULL CONSTRAINT blocks_pk PRIMARY KEY,
    blocker text NOT NULL,
    blocked text NOT NULL,
    known_by text NOT NULL,
    reference text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT blocks_once UNIQUE (blocker, known_by, reference),
    CONSTRAINT blocks_not_oneself CHECK (blocker <> blocked),
    CONSTRAINT blocks_blocker_short CHECK (char_length(blocker) BETWEEN 1 AND 200),
    CONSTRAINT blocks_blocked_short CHECK (char_length(blocked) BETWEEN 1 AND 200),
    CONSTRAINT blocks_known_by_known CHECK (known_by IN ('user', 'offer', 'booking'))
);

CREATE INDEX blocks_by_blocked ON blocks (blocked);

COMMENT ON TABLE blocks IS 'Who does not want to meet whom. It holds in both directions, and nobody is told.';
COMMENT ON COLUMN blocks.id IS 'UUID version 7.';
COMMENT ON COLUMN blocks.blocker IS 'Who does not want to meet the other.';
COMMENT ON COLUMN blocks.blocked IS 'The other.';
COMMENT ON COLUMN blocks.known_by IS
'How the blocker named the other: by user, or by an offer or a booking of theirs, which does not tell who it is.';
COMMENT ON COLUMN blocks.reference IS 'The user''s name, or the id of the offer or booking, as the blocker gave it.';
COMMENT ON COLUMN blocks.created_at IS 'When.';

CREATE TABLE erasures (
    id uuid NOT NULL CONSTRAINT erasures_pk PRIMARY KEY,
    pseudonym text NOT NULL,
    erased_at timestamptz NOT NULL,
    remains jsonb NOT NULL,
    CONSTRAINT erasures_remains_is_object CHECK (jsonb_typeof(remains) = 'object')
);

COMMENT ON TABLE erasures IS 'That somebody was erased, and what remains of it; not who.';
COMMENT ON COLUMN erasures.id IS 'UUID version 7.';
COMMENT ON COLUMN erasures.pseudonym IS
'What stands in the place of the erased name where another person''s record needs one. Drawn at random: it leads to nobody.';
COMMENT ON COLUMN erasures.erased_at IS 'When.';
COMMENT ON COLUMN erasures.remains IS 'How many rows were kept under the pseudonym, by table: {"bookings": 2}.';

-- migrate:down
-- Forward only: a mistake is corrected by the next migration.

-- Offers, API keys, idempotency keys and the cache of geocoders.
--
-- Offers are one plain table: a driver's offer is read by id, by driver and, while it is OPEN, by region. Cutting it by departure
-- day would put the day into every key; the partial indexes below touch the OPEN few only, so that can wait until old
-- offers weigh something. (region, depart_at) is there for that day.

-- migrate:up

-- Every number here is bounded by a check far below 2^31, and rows are read by the million when the index is loaded.
-- squawk-ignore-file prefer-bigint-over-int, prefer-bigint-over-smallint

SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

CREATE TABLE offers (
    id uuid NOT NULL CONSTRAINT offers_pk PRIMARY KEY,
    driver_id text NOT NULL,
    region text NOT NULL,
    region_fingerprint text NOT NULL,
    status text NOT NULL,
    version integer NOT NULL,
    origin_lat double precision NOT NULL,
    origin_lon double precision NOT NULL,
    origin_label text NOT NULL,
    origin_address text,
    origin_edge integer NOT NULL,
    origin_fraction double precision NOT NULL,
    origin_road_distance_m double precision NOT NULL,
    destination_lat double precision NOT NULL,
    destination_lon double precision NOT NULL,
    destination_label text NOT NULL,
    destination_address text,
    destination_edge integer NOT NULL,
    destination_fraction double precision NOT NULL,
    destination_road_distance_m double precision NOT NULL,
    via jsonb NOT NULL,
    depart_at timestamptz NOT NULL,
    depart_offset_s integer NOT NULL,
    depart_zone text,
    over_at timestamptz NOT NULL,
    flexibility_s integer NOT NULL,
    seats_offered smallint NOT NULL,
    seats_left smallint NOT NULL,
    max_detour_s integer NOT NULL,
    max_detour_m integer,
    preferences jsonb NOT NULL,
    comment text NOT NULL,
    duration_ms bigint NOT NULL,
    length_cm bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT offers_driver_short CHECK (char_length(driver_id) BETWEEN 1 AND 200),
    CONSTRAINT offers_status_known CHECK (status IN ('OPEN', 'CANCELLED', 'PAST')),
    CONSTRAINT offers_version_positive CHECK (version >= 1),
    CONSTRAINT offers_origin_on_earth CHECK (origin_lat BETWEEN -90 AND 90 AND origin_lon BETWEEN -180 AND 180),
    CONSTRAINT offers_origin_on_edge CHECK (origin_edge >= 0 AND origin_fraction BETWEEN 0 AND 1),
    CONSTRAINT offers_origin_distance_positive CHECK (origin_road_distance_m >= 0),
    CONSTRAINT offers_destination_on_earth
    CHECK (destination_lat BETWEEN -90 AND 90 AND destination_lon BETWEEN -180 AND 180),
    CONSTRAINT offers_destination_on_edge CHECK (destination_edge >= 0 AND destination_fraction BETWEEN 0 AND 1),
    CONSTRAINT offers_destination_distance_positive CHECK (destination_road_distance_m >= 0),
    CONSTRAINT offers_via_is_list CHECK (jsonb_typeof(via) = 'array' AND jsonb_array_length(via) <= 20),
    CONSTRAINT offers_offset_on_earth CHECK (depart_offset_s BETWEEN -86399 AND 86399),
    CONSTRAINT offers_over_after_departure CHECK (over_at >= depart_at),
    CONSTRAINT offers_flexibility_in_range CHECK (flexibility_s BETWEEN 0 AND 86400),
    CONSTRAINT offers_seats_offered_in_range CHECK (seats_offered BETWEEN 1 AND 50),
    CONSTRAINT offers_seats_left_in_range CHECK (seats_left BETWEEN 0 AND seats_offered),
    CONSTRAINT offers_max_detour_s_in_range CHECK (max_detour_s BETWEEN 0 AND 86400),
    CONSTRAINT offers_max_detour_m_in_range CHECK (max_detour_m BETWEEN 0 AND 5000000),
    CONSTRAINT offers_preferences_is_object CHECK (jsonb_typeof(preferences) = 'object'),
    CONSTRAINT offers_comment_short CHECK (char_length(comment) <= 500),
    CONSTRAINT offers_duration_positive CHECK (duration_ms >= 0),
    CONSTRAINT offers_length_positive CHECK (length_cm >= 0)
);

CREATE INDEX offers_by_driver ON offers (driver_id, depart_at, id);
CREATE INDEX offers_by_departure ON offers (depart_at, id);
CREATE INDEX offers_open_by_region ON offers (region, depart_at) WHERE status = 'OPEN';
CREATE INDEX offers_open_by_end ON offers (over_at) WHERE status = 'OPEN';
CREATE INDEX offers_over_by_end ON offers (over_at) WHERE status <> 'OPEN';

COMMENT ON TABLE offers IS 'A driver''s published trips, whatever became of them.';
COMMENT ON COLUMN offers.id IS 'UUID version 7: grows with the moment of publication.';
COMMENT ON COLUMN offers.driver_id IS 'The user who published it.';
COMMENT ON COLUMN offers.region IS 'The road region in which it drives.';
COMMENT ON COLUMN offers.region_fingerprint IS
'The state of that region for which edges, fractions, duration_ms and length_cm hold.';
COMMENT ON COLUMN offers.status IS 'OPEN can be matched; CANCELLED was withdrawn; PAST has left for good.';
COMMENT ON COLUMN offers.version IS 'Starts at 1, grows by one with every change; the ETag of the HTTP contract.';
COMMENT ON COLUMN offers.origin_lat IS 'Where the driver starts, degrees north (WGS84).';
COMMENT ON COLUMN offers.origin_lon IS 'Where the driver starts, degrees east (WGS84).';
COMMENT ON COLUMN offers.origin_label IS 'What that place is called.';
COMMENT ON COLUMN offers.origin_address IS 'What the driver typed; null when coordinates were given.';
COMMENT ON COLUMN offers.origin_edge IS 'The street piece of the region that the origin is on.';
COMMENT ON COLUMN offers.origin_fraction IS 'How far along that piece''s geometry, 0 to 1.';
COMMENT ON COLUMN offers.origin_road_distance_m IS 'Straight distance from the origin to that point of the road, metres.';
COMMENT ON COLUMN offers.destination_lat IS 'Where the driver ends, degrees north (WGS84).';
COMMENT ON COLUMN offers.destination_lon IS 'Where the driver ends, degrees east (WGS84).';
COMMENT ON COLUMN offers.destination_label IS 'What that place is called.';
COMMENT ON COLUMN offers.destination_address IS 'What the driver typed; null when coordinates were given.';
COMMENT ON COLUMN offers.destination_edge IS 'The street piece of the region that the destination is on.';
COMMENT ON COLUMN offers.destination_fraction IS 'How far along that piece''s geometry, 0 to 1.';
COMMENT ON COLUMN offers.destination_road_distance_m IS
'Straight distance from the destination to that point of the road, metres.';
COMMENT ON COLUMN offers.via IS
'Places driven through, in order: [{lat, lon, label, address, edge, fraction, road_distance_m}].';
COMMENT ON COLUMN offers.depart_at IS 'The planned departure.';
COMMENT ON COLUMN offers.depart_offset_s IS
'The offset from UTC, in seconds, that the departure was given in and is shown in.';
COMMENT ON COLUMN offers.depart_zone IS
'The IANA zone the departure was given in; null when only an offset was given. Goes before depart_offset_s.';
COMMENT ON COLUMN offers.over_at IS
'After this moment the trip is over: planned arrival plus flexibility and the whole detour.';
COMMENT ON COLUMN offers.flexibility_s IS 'How much earlier or later than planned the driver may leave, seconds.';
COMMENT ON COLUMN offers.seats_offered IS 'Seats for riders.';
COMMENT ON COLUMN offers.seats_left IS 'Seats nobody has taken.';
COMMENT ON COLUMN offers.max_detour_s IS 'The most extra driving the driver accepts, seconds.';
COMMENT ON COLUMN offers.max_detour_m IS 'The same in metres; null for no such limit.';
COMMENT ON COLUMN offers.preferences IS 'What is welcome (true) or not (false) on board: {"smoking": false}.';
COMMENT ON COLUMN offers.comment IS 'A word to riders, shown as it is.';
COMMENT ON COLUMN offers.duration_ms IS 'The fastest drive origin, via, destination without riders, milliseconds.';
COMMENT ON COLUMN offers.length_cm IS 'The length of that drive, centimetres.';
COMMENT ON COLUMN offers.created_at IS 'When it was published.';
COMMENT ON COLUMN offers.updated_at IS 'When it last changed.';

CREATE TABLE api_keys (
    id text NOT NULL CONSTRAINT api_keys_pk PRIMARY KEY,
    digest bytea NOT NULL,
    role text NOT NULL,
    user_id text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    CONSTRAINT api_keys_digest_length CHECK (octet_length(digest) = 32),
    CONSTRAINT api_keys_role_known CHECK (role IN ('rider', 'driver', 'ops', 'partner', 'admin')),
    CONSTRAINT api_keys_user_short CHECK (char_length(user_id) BETWEEN 1 AND 200)
);

COMMENT ON TABLE api_keys IS 'Credentials. The secret itself is shown once and stored nowhere.';
COMMENT ON COLUMN api_keys.id IS 'The public part of the key.';
COMMENT ON COLUMN api_keys.digest IS 'HMAC-SHA256 of the secret under the server''s pepper.';
COMMENT ON COLUMN api_keys.role IS 'What its bearer may do.';
COMMENT ON COLUMN api_keys.user_id IS 'Who owns what its bearer makes.';
COMMENT ON COLUMN api_keys.created_at IS 'When it was made.';
COMMENT ON COLUMN api_keys.expires_at IS 'From this moment it is refused; null for never.';
COMMENT ON COLUMN api_keys.revoked_at IS 'When it was withdrawn; null while it is good.';
COMMENT ON COLUMN api_keys.last_used_at IS 'When it was last seen, to the minute or so; null for never.';

CREATE TABLE idempotency_keys (
    owner text NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    status smallint NOT NULL,
    headers jsonb NOT NULL,
    body bytea NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT idempotency_keys_pk PRIMARY KEY (owner, key),
    CONSTRAINT idempotency_keys_owner_short CHECK (char_length(owner) BETWEEN 1 AND 200),
    CONSTRAINT idempotency_keys_key_short CHECK (char_length(key) BETWEEN 1 AND 255),
    CONSTRAINT idempotency_keys_status_is_http CHECK (status BETWEEN 100 AND 599),
    CONSTRAINT idempotency_keys_headers_is_object CHECK (jsonb_typeof(headers) = 'object')
);

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

COMMENT ON TABLE idempotency_keys IS
'The first answer to a call with an Idempotency-Key, written in the transaction of what the call made.';
COMMENT ON COLUMN idempotency_keys.owner IS 'The user who called.';
COMMENT ON COLUMN idempotency_keys.key IS 'The Idempotency-Key as sent.';
COMMENT ON COLUMN idempotency_keys.fingerprint IS 'A hash of the call: the same key with another one is refused.';
COMMENT ON COLUMN idempotency_keys.status IS 'The HTTP status that was answered.';
COMMENT ON COLUMN idempotency_keys.headers IS 'The headers of the answer that matter: {"Location": "..."}.';
COMMENT ON COLUMN idempotency_keys.body IS 'The body of the answer, byte for byte.';
COMMENT ON COLUMN idempotency_keys.created_at IS 'When it was answered; old answers are forgotten.';

CREATE TABLE geocode_cache (
    provider text NOT NULL,
    query text NOT NULL,
    places jsonb NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT geocode_cache_pk PRIMARY KEY (provider, query),
    CONSTRAINT geocode_cache_query_short CHECK (octet_length(query) <= 1000),
    CONSTRAINT geocode_cache_places_is_list CHECK (jsonb_typeof(places) = 'array')
);

CREATE INDEX geocode_cache_by_end ON geocode_cache (expires_at);

COMMENT ON TABLE geocode_cache IS 'Answers of network geocoders, kept as long as their terms allow.';
COMMENT ON COLUMN geocode_cache.provider IS 'Which geocoder answered.';
COMMENT ON COLUMN geocode_cache.query IS 'What was asked, in canonical form; a SHA-256 of it when it is very long.';
COMMENT ON COLUMN geocode_cache.places IS 'The answer, best first: [{lat, lon, label, precision, score, source}].';
COMMENT ON COLUMN geocode_cache.expires_at IS 'From this moment the answer is asked for anew.';

-- migrate:down
-- Forward only: a mistake is corrected by the next migration.

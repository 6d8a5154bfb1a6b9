-- name: insert_api_key!
-- Store a new key.
INSERT INTO api_keys (id, digest, role, user_id, created_at, expires_at, revoked_at, last_used_at, act_as)
VALUES (:id, :digest, :role, :user_id, :created_at, :expires_at, :revoked_at, :last_used_at, :act_as);

-- name: find_api_key^
-- A key by its digest, whether or not it is still valid.
SELECT id, digest, role, user_id, created_at, expires_at, revoked_at, last_used_at, act_as
FROM api_keys
WHERE id = :id;

-- name: list_api_keys
-- All keys, oldest first.
SELECT id, digest, role, user_id, created_at, expires_at, revoked_at, last_used_at, act_as
FROM api_keys
ORDER BY created_at, id;

-- name: revoke_api_key!
-- Revoke a key; the first revocation time is kept.
UPDATE api_keys SET revoked_at = coalesce(revoked_at, :now)
WHERE id = :id;

-- name: touch_api_key!
-- Record that a key was used, at most once a minute, so that a busy key is not rewritten with every call.
UPDATE api_keys SET last_used_at = :now
WHERE id = :id AND (last_used_at IS NULL OR last_used_at < CAST(:now AS timestamptz) - interval '1 minute');

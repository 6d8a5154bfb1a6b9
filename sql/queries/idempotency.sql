-- name: insert_answer^
-- Store the answer to a call; no row if the key already has one. Waits for a concurrent call with the same key.
INSERT INTO idempotency_keys (owner, key, fingerprint, status, headers, body, created_at)
VALUES (:owner, :key, :fingerprint, :status, :headers, :body, :created_at)
ON CONFLICT ON CONSTRAINT idempotency_keys_pk DO NOTHING
RETURNING status;

-- name: find_answer^
-- The answer stored under a key.
SELECT fingerprint, status, headers, body
FROM idempotency_keys
WHERE owner = :owner AND key = :key;

-- name: forget_answers!
-- Delete old answers, oldest first, a batch at a time.
DELETE FROM idempotency_keys
WHERE (owner, key) IN (
    SELECT owner, key FROM idempotency_keys
    WHERE created_at < :before
    ORDER BY created_at
    LIMIT :row_limit
    FOR UPDATE SKIP LOCKED
);

-- name: lock_owner$
-- Serialise adding webhooks of an owner, so that their number can be limited. 0x77656268 separates these locks from
-- others.
SELECT pg_advisory_xact_lock(2003133032, hashtext(:owner));

-- name: count_webhooks$
-- Number of an owner's webhooks.
SELECT count(*) FROM webhooks WHERE owner = :owner;

-- name: insert_webhook!
-- Store a new webhook.
INSERT INTO webhooks (
    id, owner, also_for, url, kinds, description, status, disabled_because, secret_version, old_secret_until, failing_since, version,
    created_at, updated_at
) VALUES (
    :id, :owner, :also_for, :url, :kinds, :description, :status, :disabled_because, :secret_version, :old_secret_until, :failing_since,
    :version, :created_at, :updated_at
);

-- name: get_webhook^
-- A webhook by id.
SELECT
    id, owner, also_for, url, kinds, description, status, disabled_because, secret_version, old_secret_until, failing_since, version,
    created_at, updated_at
FROM webhooks WHERE id = :id;

-- name: list_webhooks
-- All webhooks of an owner, oldest first.
SELECT
    id, owner, also_for, url, kinds, description, status, disabled_because, secret_version, old_secret_until, failing_since, version,
    created_at, updated_at
FROM webhooks WHERE owner = :owner
ORDER BY created_at, id;

-- name: update_webhook!
-- Update a webhook if its version is still the one that was read.
UPDATE webhooks SET
    also_for = :also_for,
    url = :url,
    kinds = :kinds,
    description = :description,
    status = :status,
    disabled_because = :disabled_because,
    secret_version = :secret_version,
    old_secret_until = :old_secret_until,
    failing_since = :failing_since,
    version = :version,
    updated_at = :updated_at
WHERE id = :id AND version = :expected_version;

-- name: delete_webhook!
-- Delete a webhook and its deliveries.
DELETE FROM webhooks WHERE id = :id;

-- name: note_success!
-- Record a successful delivery.
UPDATE webhooks SET failing_since = NULL WHERE id = :id AND failing_since IS NOT NULL;

-- name: note_failure!
-- Record a failed delivery.
UPDATE webhooks SET failing_since = :now WHERE id = :id AND failing_since IS NULL;

-- name: disable_webhook^
-- Disable a webhook. The version grows, so that an owner who has not seen it does not enable it by accident.
UPDATE webhooks SET status = 'DISABLED', disabled_because = :because, version = version + 1, updated_at = :now
WHERE id = :id AND status = 'ENABLED'
RETURNING owner, version;

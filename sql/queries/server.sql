-- name: ping$
-- Whether the server answers.
SELECT 1;

-- name: uses_tls$
-- Whether this connection is encrypted.
SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid();

-- name: is_migrated$
-- Whether any migration was applied.
SELECT to_regclass('schema_migrations') IS NOT NULL;

-- name: applied_migrations
-- The versions of the applied migrations.
SELECT version FROM schema_migrations ORDER BY version;

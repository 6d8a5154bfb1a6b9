-- name: ping$
-- Whether the server answers.
SELECT 1;

-- name: uses_tls$
-- Whether this very connection is encrypted.
SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid();

-- name: is_migrated$
-- Whether any migration was ever run.
SELECT to_regclass('schema_migrations') IS NOT NULL;

-- name: applied_migrations
-- The versions of the migrations that were run.
SELECT version FROM schema_migrations ORDER BY version;

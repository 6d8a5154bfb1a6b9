-- name: find_places^
-- A cached answer that has not expired.
SELECT places FROM geocode_cache
WHERE provider = :provider AND query = :query AND expires_at > :now;

-- name: put_places!
-- Cache an answer, replacing an older one.
INSERT INTO geocode_cache (provider, query, places, expires_at)
VALUES (:provider, :query, :places, :expires_at)
ON CONFLICT ON CONSTRAINT geocode_cache_pk
DO UPDATE SET places = excluded.places, expires_at = excluded.expires_at;

-- name: forget_expired_places!
-- Delete expired answers.
DELETE FROM geocode_cache WHERE expires_at <= :now;

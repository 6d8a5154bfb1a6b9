-- name: find_places^
-- A kept answer that is still good.
SELECT places FROM geocode_cache
WHERE provider = :provider AND query = :query AND expires_at > :now;

-- name: put_places!
-- Keep an answer, in the place of an older one.
INSERT INTO geocode_cache (provider, query, places, expires_at)
VALUES (:provider, :query, :places, :expires_at)
ON CONFLICT ON CONSTRAINT geocode_cache_pk
DO UPDATE SET places = excluded.places, expires_at = excluded.expires_at;

-- name: forget_expired_places!
-- Drop answers whose time is over.
DELETE FROM geocode_cache WHERE expires_at <= :now;

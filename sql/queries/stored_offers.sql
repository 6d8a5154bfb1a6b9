-- name: count_open_offers_of_region
-- How many offers a check reads.
SELECT count(*) FROM offers WHERE region = :region AND status = 'OPEN';

-- name: page_open_offers_of_region
-- OPEN offers of a region, earliest departure first, after a given (departure, id).
SELECT {whole_offer} FROM offers
WHERE
    region = :region AND status = 'OPEN'
    AND (depart_at, id) > (
        coalesce(CAST(:after_departure AS timestamptz), '-infinity'),
        coalesce(CAST(:after_id AS uuid), '00000000-0000-0000-0000-000000000000')
    )
ORDER BY depart_at, id
LIMIT :row_limit;

-- What the index needs of an offer, for a binary COPY: each column of a fixed size and none null.
-- matcher/trips/offers/columns.py reads them in this order. Bit k of stated and welcome stands for the k-th of :preferences.
id,
version,
sha256(convert_to(driver_id, 'UTF8')) AS driver,
origin_edge,
origin_fraction,
destination_edge,
destination_fraction,
depart_at,
departure_shift_ms,
flexibility_s,
seats_left,
max_detour_s,
coalesce(max_detour_m, -1) AS max_detour_m,
CASE WHEN preferences = '{}' THEN 0 ELSE (
    SELECT coalesce(sum(1 << CAST(p.k - 1 AS integer)), 0)
    FROM unnest(CAST(:preferences AS text [])) WITH ORDINALITY AS p (name, k)
    WHERE offers.preferences ? p.name
) END AS stated,
CASE WHEN preferences = '{}' THEN 0 ELSE (
    SELECT coalesce(sum(1 << CAST(p.k - 1 AS integer)), 0)
    FROM unnest(CAST(:preferences AS text [])) WITH ORDINALITY AS p (name, k)
    WHERE offers.preferences -> p.name = 'true'
) END AS welcome,
CAST(women_only AS integer) + 2 * CAST(driver_is_woman AS integer) AS women,
seats_offered,
length_cm,
coalesce(price_minor, -1) AS price_minor,
coalesce(price_currency, '---') AS price_currency

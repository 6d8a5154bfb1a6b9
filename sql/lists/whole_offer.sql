-- An offer with its stops, to be read from `offers`.
id, driver_id, created_at, {offer_columns},
(SELECT jsonb_agg(to_jsonb(s) ORDER BY s.position) FROM offer_stops AS s WHERE s.offer_id = offers.id) AS booked_stops

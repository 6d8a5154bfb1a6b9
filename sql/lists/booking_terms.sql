-- What stays of a booking as it was asked for.
id, offer_id, driver_id, rider_id, seats, pickup_earliest_at, pickup_latest_at, dropoff_earliest_at, dropoff_latest_at,
offset_s, note, created_at, price_minor, price_currency, price_kind

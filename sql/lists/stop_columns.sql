-- A stop of an offer, beside the offer's id.
position, kind, lat, lon, label, address, edge, fraction, road_distance_m, booking_id, seats, earliest_at, latest_at,
at_door

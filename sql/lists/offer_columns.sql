-- What may change of an offer. A new column of `offers` that is a field of Offer, and not of TripFields, is added here.
region, region_fingerprint, status, version,
origin_lat, origin_lon, origin_label, origin_address, origin_edge, origin_fraction, origin_road_distance_m,
destination_lat, destination_lon, destination_label, destination_address, destination_edge, destination_fraction,
destination_road_distance_m, via, depart_at, depart_offset_s, depart_zone, over_at, {trip_columns},
seats_left, duration_ms, length_cm, departure_shift_ms, driver_is_woman, doors, updated_at

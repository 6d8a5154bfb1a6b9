-- What may change of an offer. A new column of `offers` that is a field of Offer is added here, and nowhere else.
region, region_fingerprint, status, version,
origin_lat, origin_lon, origin_label, origin_address, origin_edge, origin_fraction, origin_road_distance_m,
destination_lat, destination_lon, destination_label, destination_address, destination_edge, destination_fraction,
destination_road_distance_m, via, depart_at, depart_offset_s, depart_zone, over_at, flexibility_s, seats_offered,
seats_left, max_detour_s, max_detour_m, preferences, comment, duration_ms, length_cm, price_minor, price_currency,
departure_shift_ms, instant_booking, women_only, driver_is_woman, updated_at

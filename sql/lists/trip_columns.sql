-- What a driver states of an offer. A new column of `offers` that is a field of TripFields is added here, and nowhere else.
flexibility_s, seats_offered, max_detour_s, max_detour_m, preferences, comment, price_minor, price_currency,
instant_booking, women_only, show_door

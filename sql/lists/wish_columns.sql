-- What a rider asks for. A new column of `requests` that is one of WISHES is added here, and nowhere else.
seats, max_walk_m, preferences, women_only

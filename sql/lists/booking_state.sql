-- What a move may change of a booking.
status, version, region_fingerprint, pickup, pickup_at, dropoff, dropoff_at, ride_ms, ride_cm, detour_ms, detour_cm,
shared_cm, reply, updated_at, due_at, confirmed_at, completed_at, completed_by, cancelled_by, cancel_reason, co2_saved_g

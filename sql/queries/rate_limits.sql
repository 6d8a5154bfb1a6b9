-- name: take^
-- Take up to :wanted calls for a caller, by this server's clock; the same arithmetic as take() in
-- matcher/operation/rate_limits.py.
INSERT INTO rate_limits AS kept (key, busy_until_us, asked_at_us, granted)
SELECT
    :key,
    moment.us + least(:wanted::bigint, :burst::bigint) * :interval_us::bigint,
    moment.us,
    least(:wanted::bigint, :burst::bigint)
FROM (SELECT (extract(EPOCH FROM statement_timestamp()) * 1000000)::bigint AS us) AS moment
ON CONFLICT ON CONSTRAINT rate_limits_pk DO UPDATE SET
    granted = least(
        :wanted::bigint,
        (
            excluded.asked_at_us + :burst::bigint * :interval_us::bigint
            - least(
                greatest(kept.busy_until_us, excluded.asked_at_us),
                excluded.asked_at_us + :burst::bigint * :interval_us::bigint
            )
        ) / :interval_us::bigint
    ),
    busy_until_us = least(
        greatest(kept.busy_until_us, excluded.asked_at_us),
        excluded.asked_at_us + :burst::bigint * :interval_us::bigint
    ) + :interval_us::bigint * least(
        :wanted::bigint,
        (
            excluded.asked_at_us + :burst::bigint * :interval_us::bigint
            - least(
                greatest(kept.busy_until_us, excluded.asked_at_us),
                excluded.asked_at_us + :burst::bigint * :interval_us::bigint
            )
        ) / :interval_us::bigint
    ),
    asked_at_us = excluded.asked_at_us
RETURNING granted, busy_until_us, asked_at_us;

-- name: forget_rate_limits!
-- Delete callers whose limits are fully available again.
DELETE FROM rate_limits
WHERE ctid = any(ARRAY(
    SELECT ctid FROM rate_limits
    WHERE busy_until_us < (extract(EPOCH FROM statement_timestamp()) * 1000000)::bigint
    LIMIT :at_most
));

-- name: ask
-- No row: there is one under way. $1 endpoint, $2 time in microseconds, $3 whether those that were delivered are left out, $4 positions
-- of the shards or null, $5 the shards' newest records.
INSERT INTO payments.webhook_redeliveries (endpoint, since_at, only_failed, positions, heads)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (endpoint) DO NOTHING
RETURNING endpoint;

-- name: open
-- Those of enabled endpoints for which not too much is waiting. $1 how much is too much.
SELECT endpoint, since_at, only_failed, positions, heads
FROM payments.webhook_redeliveries AS asked
WHERE
    endpoint IN (SELECT number FROM payments.webhook_endpoints WHERE status = 'enabled')
    AND NOT EXISTS (
        SELECT FROM payments.webhook_deliveries AS waiting
        WHERE waiting.endpoint = asked.endpoint AND waiting.status = 'pending'
        OFFSET $1
    )
ORDER BY requested_at;

-- name: advance
-- Note how far it is, unless somebody else has. $1 endpoint, $2 positions until now or null, $3 new ones, $4 events queued by this step.
UPDATE payments.webhook_redeliveries
SET positions = $3, queued = queued + $4
WHERE endpoint = $1 AND positions IS NOT DISTINCT FROM $2::bigint[]
RETURNING endpoint;

-- name: end
-- $1 endpoint, or null: all whose endpoint is deleted.
DELETE FROM payments.webhook_redeliveries
WHERE endpoint = $1 OR ($1 IS NULL AND endpoint IN (SELECT number FROM payments.webhook_endpoints WHERE status = 'deleted'));

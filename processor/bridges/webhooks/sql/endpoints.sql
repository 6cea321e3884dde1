-- name: lock_tenant
-- Let others who register endpoints of the tenant wait until the transaction ends. $1 tenant.
SELECT pg_advisory_xact_lock(hashtextextended($1, 0));

-- name: alike
-- The endpoints of the tenant that are not deleted: how many, and one that is the same as this. $1 tenant, $2 URL, $3 types, $4 accounts.
SELECT
    count(*) AS count,
    min(id) FILTER (WHERE url = $2 AND types = $3::text[] AND accounts IS NOT DISTINCT FROM $4::text[]) AS same
FROM payments.webhook_endpoints
WHERE tenant = $1 AND status <> 'deleted';

-- name: create
-- $1 id, $2 tenant, $3 URL, $4 types, $5 accounts, $6 description, $7 the shards' newest records, $8 secret.
INSERT INTO payments.webhook_endpoints (id, tenant, url, types, accounts, description, starts, secret)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: list
-- $1 tenant, $2 numbers before this one (newest first), $3 how many, $4 null, or the id of the only one.
SELECT
    endpoints.number,
    id,
    url,
    types,
    accounts,
    description,
    status,
    reason,
    created_at,
    waiting,
    CASE WHEN previous_until > now() THEN previous_until END AS previous_until,
    redeliveries.since_at,
    redeliveries.only_failed,
    redeliveries.queued,
    redeliveries.requested_at
FROM payments.webhook_endpoints AS endpoints
LEFT JOIN payments.webhook_redeliveries AS redeliveries ON redeliveries.endpoint = endpoints.number
WHERE tenant = $1 AND endpoints.number < $2 AND status <> 'deleted' AND ($4::text IS NULL OR id = $4)
ORDER BY endpoints.number DESC
LIMIT $3;

-- name: update
-- $1 tenant, $2 id, $3 URL, $4 types, $5 accounts, $6 description, $7 status, $8 the shards' newest records.
UPDATE payments.webhook_endpoints
SET
    url = $3,
    types = $4,
    accounts = $5,
    description = $6,
    starts = CASE WHEN status <> 'enabled' AND $7 = 'enabled' THEN $8 ELSE starts END,
    reason = CASE WHEN status = $7 THEN reason WHEN $7 = 'disabled' THEN 'on request' END,
    changed_at = CASE WHEN status = $7 THEN changed_at ELSE now() END,
    status = $7
WHERE tenant = $1 AND id = $2 AND status <> 'deleted'
RETURNING number;

-- name: delete
-- $1 tenant, $2 id.
UPDATE payments.webhook_endpoints
SET status = 'deleted', changed_at = now()
WHERE tenant = $1 AND id = $2 AND status <> 'deleted'
RETURNING number;

-- name: rotate
-- $1 tenant, $2 id, $3 new secret, $4 seconds for which the one until now signs too.
UPDATE payments.webhook_endpoints
SET previous_secret = secret, previous_until = now() + make_interval(secs => $4), secret = $3
WHERE tenant = $1 AND id = $2 AND status <> 'deleted'
RETURNING CASE WHEN previous_until > now() THEN previous_until END AS previous_until;

-- name: enabled
-- What must be known to send, of all tenants.
SELECT
    number, id, url, types, accounts, starts, secret, CASE WHEN previous_until > now() THEN previous_secret END AS previous_secret
FROM payments.webhook_endpoints
WHERE status = 'enabled'
ORDER BY number;

-- name: note_waiting
-- How much waits for enabled endpoints. $1 endpoints for which something does, $2 how much, $3 for how many seconds the first of it has.
UPDATE payments.webhook_endpoints AS endpoints
SET waiting = seen.count, waiting_since = seen.since
FROM (
    SELECT number, coalesce(found.count, 0) AS count, now() - make_interval(secs => found.seconds) AS since
    FROM payments.webhook_endpoints
    LEFT JOIN unnest($1::integer[], $2::bigint[], $3::float8[]) AS found (endpoint, count, seconds) ON found.endpoint = number
    WHERE status = 'enabled'
) AS seen
WHERE endpoints.number = seen.number AND (endpoints.waiting, endpoints.waiting_since) IS DISTINCT FROM (seen.count, seen.since);

-- name: figures
-- How many endpoints there are, how much waits for the enabled ones, and for how many seconds the first of it has.
SELECT
    count(*) FILTER (WHERE status = 'enabled') AS enabled,
    count(*) FILTER (WHERE status = 'disabled') AS disabled,
    coalesce(sum(waiting) FILTER (WHERE status = 'enabled'), 0)::bigint AS waiting,
    coalesce(extract(epoch FROM now() - min(waiting_since) FILTER (WHERE status = 'enabled')), 0)::float8 AS oldest_seconds
FROM payments.webhook_endpoints;

-- name: disable
-- $1 number, $2 why.
UPDATE payments.webhook_endpoints SET status = 'disabled', reason = $2, changed_at = now() WHERE number = $1 AND status = 'enabled';

-- name: begin_cursor
-- Have the bridge begin here if it has never begun. $1 bridge, $2 the shards' newest records.
INSERT INTO payments.bridge_cursors (bridge, shard, sequence)
SELECT $1, begun.number - 1, begun.sequence
FROM unnest($2::bigint[]) WITH ORDINALITY AS begun (sequence, number)
ON CONFLICT (bridge, shard) DO NOTHING;

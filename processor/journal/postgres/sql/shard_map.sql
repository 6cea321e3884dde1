-- name: heartbeat
-- Note that a host is alive, and forget hosts that have been dead for an hour. Notify if that changed anything.
-- $1 host, $2 actor, $3 pid, $4 leaving, $5 lease in seconds, $6 door.
WITH before AS (
    SELECT
        actor = $2::text
        AND pid = $3::integer
        AND leaving = $4::boolean
        AND door = $6::bytea
        AND heartbeat_at > clock_timestamp() - make_interval(secs => $5::double precision) AS unchanged
    FROM payments.hosts
    WHERE host = $1::text
), beat AS (
    INSERT INTO payments.hosts (host, actor, pid, leaving, heartbeat_at, door)
    VALUES ($1::text, $2::text, $3::integer, $4::boolean, clock_timestamp(), $6::bytea)
    ON CONFLICT (host) DO UPDATE
    SET
        actor = excluded.actor,
        pid = excluded.pid,
        leaving = excluded.leaving,
        heartbeat_at = excluded.heartbeat_at,
        door = excluded.door
), forgotten AS (
    DELETE FROM payments.hosts
    WHERE host <> $1::text AND heartbeat_at < clock_timestamp() - interval '1 hour'
    RETURNING host
), given_up AS (
    UPDATE payments.shards SET host = NULL WHERE host IN (SELECT host FROM forgotten)
)
SELECT pg_notify('payments_shard_map', '')
WHERE NOT EXISTS (SELECT FROM before WHERE unchanged) OR EXISTS (SELECT FROM forgotten);

-- name: view
-- All hosts, then all shards, as of one moment. $1 lease in seconds.
SELECT
    host,
    actor,
    pid,
    NOT leaving AND heartbeat_at > clock_timestamp() - make_interval(secs => $1::double precision) AS alive,
    door,
    NULL::integer AS shard,
    NULL::bigint AS epoch
FROM payments.hosts
UNION ALL
SELECT host, NULL, NULL, NULL, NULL, shard, epoch
FROM payments.shards
ORDER BY shard NULLS FIRST, host;

-- name: claim
-- Take a shard over unless its epoch has changed; two who try at once queue for the row, and the second finds a new epoch.
-- $1 shard, $2 the epoch it had, $3 host.
WITH claimed AS (
    UPDATE payments.shards SET epoch = epoch + 1, host = $3 WHERE shard = $1 AND epoch = $2 RETURNING epoch
)
SELECT epoch, pg_notify('payments_shard_map', '') FROM claimed;

-- name: release
-- Give a shard up unless it has been claimed since. $1 shard, $2 epoch.
WITH released AS (
    UPDATE payments.shards SET host = NULL WHERE shard = $1 AND epoch = $2 AND host IS NOT NULL RETURNING shard
)
SELECT pg_notify('payments_shard_map', '') FROM released;

-- name: remove_host
-- Forget a host and that it owned shards. $1 host.
WITH removed AS (
    DELETE FROM payments.hosts WHERE host = $1 RETURNING host
), given_up AS (
    UPDATE payments.shards SET host = NULL WHERE host IN (SELECT host FROM removed)
)
SELECT pg_notify('payments_shard_map', '') FROM removed;

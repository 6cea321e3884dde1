-- name: bridges
-- How each bridge is doing, by its own word.
SELECT
    bridge, epoch, state, problem, published, rejected, retries, figures,
    (extract(epoch FROM updated_at) * 1000000)::bigint AS updated_at,
    extract(epoch FROM now() - updated_at)::double precision AS silent_seconds,
    (SELECT count(*) FROM payments.bridge_dead_letters AS letters WHERE letters.bridge = bridges.bridge) AS dead_letters
FROM payments.bridges
ORDER BY bridge;

-- name: positions
-- How far each bridge has come.
SELECT bridge, shard, sequence FROM payments.bridge_cursors ORDER BY bridge, shard;

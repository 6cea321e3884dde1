-- name: take_over
-- Make every other copy of the bridge an old one. $1 bridge.
INSERT INTO payments.bridges AS known (bridge, epoch) VALUES ($1, 1)
ON CONFLICT (bridge) DO UPDATE SET epoch = known.epoch + 1, state = 'starting', problem = NULL, updated_at = now()
RETURNING epoch;

-- name: begin
-- Give every shard a position: the one that it has, or the beginning, or the shard's given newest record.
-- $1 bridge, $2 shards, $3 where those begin that have none.
INSERT INTO payments.bridge_cursors (bridge, shard, sequence)
SELECT $1, begun.shard, begun.sequence FROM unnest($2::integer[], $3::bigint[]) AS begun (shard, sequence)
ON CONFLICT (bridge, shard) DO NOTHING;

-- name: positions
-- $1 bridge.
SELECT shard, sequence FROM payments.bridge_cursors WHERE bridge = $1 ORDER BY shard;

-- name: advance
-- Move positions, all or none: no row unless the copy is the newest and all of them are where it thinks that they are.
-- $1 bridge, $2 epoch, $3 shards, $4 positions until now, $5 new ones.
--
-- The bridge's row is locked until the transaction ends. A copy that takes over waits for that, and reads the new positions then;
-- an old copy that comes after it waits for the new epoch to be committed, looks at the row again, and does not find its own epoch.
-- The commit does not wait for the disk: a crash of the server may take the last transactions with it, position, rows and dead letters
-- alike, and then they are made again.
WITH own AS MATERIALIZED (
    SELECT bridge, set_config('synchronous_commit', 'off', true)
    FROM payments.bridges WHERE bridge = $1 AND epoch = $2 FOR NO KEY UPDATE
), moved AS (
    UPDATE payments.bridge_cursors AS cursors
    SET sequence = move.after
    FROM own, unnest($3::integer[], $4::bigint[], $5::bigint[]) AS move (shard, before, after)
    WHERE cursors.bridge = own.bridge AND cursors.shard = move.shard AND cursors.sequence = move.before
    RETURNING cursors.shard
)
SELECT count(*) = cardinality($3::integer[]) AND EXISTS (SELECT FROM own) FROM moved;

-- name: save_status
-- Note how the bridge is doing; no row if another copy has taken over. Is anything to be tried again?
-- $1 bridge, $2 epoch, $3 state, $4 problem, $5 to $7 what is to be added to the counts, $8 to its own figures, by name.
UPDATE payments.bridges
SET
    state = $3, problem = $4, published = published + $5, rejected = rejected + $6, retries = retries + $7, updated_at = now(),
    figures = (
        SELECT coalesce(jsonb_object_agg(sums.name, sums.number), '{}')
        FROM (
            SELECT parts.name, sum(parts.number::bigint) AS number
            FROM (
                SELECT * FROM jsonb_each_text(bridges.figures) UNION ALL SELECT * FROM jsonb_each_text($8::jsonb)
            ) AS parts (name, number)
            GROUP BY parts.name
        ) AS sums
    )
WHERE bridge = $1 AND epoch = $2
RETURNING EXISTS (
    SELECT FROM payments.bridge_dead_letters AS letters
    WHERE letters.bridge = bridges.bridge AND letters.redrive_at IS NOT NULL
) AS has_redrives;

-- name: lock
-- Keep copies of the bridge from moving its cursor until the transaction ends. $1 bridge.
SELECT epoch FROM payments.bridges WHERE bridge = $1 FOR NO KEY UPDATE;

-- name: rewind
-- Put positions back; only those that are further are changed. $1 bridge, $2 shards, $3 positions.
UPDATE payments.bridge_cursors AS cursors
SET sequence = wanted.sequence
FROM unnest($2::integer[], $3::bigint[]) AS wanted (shard, sequence)
WHERE cursors.bridge = $1 AND cursors.shard = wanted.shard AND cursors.sequence > wanted.sequence;

-- name: keep
-- $1 bridge, $2 to $7 one array for each column. What is tried again and refused again keeps its row, with the newest reason.
INSERT INTO payments.bridge_dead_letters (bridge, shard, sequence, index, type, subject, reason)
SELECT $1, letter.*
FROM unnest($2::integer[], $3::bigint[], $4::integer[], $5::text[], $6::text[], $7::text[]) AS letter
ON CONFLICT (bridge, shard, sequence, index) DO UPDATE SET reason = excluded.reason, at = now(), redrive_at = NULL;

-- name: remove
-- $1 bridge, $2 to $4 place.
DELETE FROM payments.bridge_dead_letters WHERE bridge = $1 AND shard = $2 AND sequence = $3 AND index = $4;

-- name: to_redrive
-- What is to be tried again, oldest events first. $1 bridge, $2 how many.
SELECT shard, sequence, index
FROM payments.bridge_dead_letters
WHERE bridge = $1 AND redrive_at IS NOT NULL
ORDER BY shard, sequence, index
LIMIT $2;

-- name: refuse
-- $1 bridge, $2 to $4 place, $5 why it cannot be tried again.
UPDATE payments.bridge_dead_letters
SET reason = $5, redrive_at = NULL
WHERE bridge = $1 AND shard = $2 AND sequence = $3 AND index = $4;

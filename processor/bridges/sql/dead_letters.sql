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

-- name: list
-- Newest last. $1 bridge (null: all), $2 to $5 after this bridge and place (null: from the beginning), $6 how many.
SELECT
    bridge, shard, sequence, index, type, subject, reason,
    (extract(epoch FROM at) * 1000000)::bigint AS at, redrive_at IS NOT NULL AS is_to_redrive
FROM payments.bridge_dead_letters
WHERE
    ($1::text IS NULL OR bridge = $1)
    AND ($2::text IS NULL OR (bridge, shard, sequence, index) > ($2, $3::integer, $4::bigint, $5::integer))
ORDER BY bridge, shard, sequence, index
LIMIT $6;

-- name: redrive
-- Ask for all dead letters of a bridge to be tried again. $1 bridge.
WITH asked AS (
    UPDATE payments.bridge_dead_letters SET redrive_at = coalesce(redrive_at, now()) WHERE bridge = $1 RETURNING 1
)
SELECT count(*) FROM asked;

-- name: redrive_some
-- $1 bridge, $2 to $4 places.
WITH asked AS (
    UPDATE payments.bridge_dead_letters AS letters
    SET redrive_at = coalesce(redrive_at, now())
    FROM unnest($2::integer[], $3::bigint[], $4::integer[]) AS place (shard, sequence, index)
    WHERE
        letters.bridge = $1 AND letters.shard = place.shard AND letters.sequence = place.sequence AND letters.index = place.index
    RETURNING 1
)
SELECT count(*) FROM asked;

-- name: waiting
-- How many are still to be tried, and how many are there in all. $1 bridge.
SELECT count(*) FILTER (WHERE redrive_at IS NOT NULL) AS to_redrive, count(*) AS letters
FROM payments.bridge_dead_letters
WHERE bridge = $1;

-- name: forget_after
-- Delete those whose events come again by themselves. $1 bridge, $2 shards, $3 positions before the events.
DELETE FROM payments.bridge_dead_letters AS letters
USING unnest($2::integer[], $3::bigint[]) AS rewound (shard, sequence)
WHERE letters.bridge = $1 AND letters.shard = rewound.shard AND letters.sequence > rewound.sequence;

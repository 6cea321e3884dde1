-- name: newest
-- $1 bridge.
SELECT manifest FROM payments.record_segments WHERE bridge = $1 ORDER BY number DESC LIMIT 1;

-- name: unpublished
-- $1 bridge.
SELECT manifest FROM payments.record_segments WHERE bridge = $1 AND published_at IS NULL ORDER BY number;

-- name: cursor
-- Inside the transaction that moves it. $1 bridge.
SELECT shard, sequence FROM payments.bridge_cursors WHERE bridge = $1 ORDER BY shard;

-- name: commit
-- This commit waits for the disk, unlike others that move a cursor: what is published to S3 next must not be forgotten here.
-- $1 bridge, $2 number, $3 manifest.
WITH durable AS MATERIALIZED (SELECT set_config('synchronous_commit', 'on', true))
INSERT INTO payments.record_segments (bridge, number, manifest) SELECT $1, $2, $3 FROM durable;

-- name: note_published
-- $1 bridge, $2 number.
WITH noted AS (
    UPDATE payments.record_segments SET published_at = now() WHERE bridge = $1 AND number = $2
)
DELETE FROM payments.record_segments WHERE bridge = $1 AND number < $2 AND published_at IS NOT NULL;

-- name: given_up
-- The dead letters among these records' events. $1 bridge, $2 shards, $3 and $4: after and until which sequence.
SELECT letters.shard, letters.sequence, letters.index
FROM payments.bridge_dead_letters AS letters
JOIN unnest($2::integer[], $3::bigint[], $4::bigint[]) AS covered (shard, after, until)
    ON letters.shard = covered.shard AND letters.sequence > covered.after AND letters.sequence <= covered.until
WHERE letters.bridge = $1
ORDER BY letters.shard, letters.sequence, letters.index;

-- name: save_part
-- Store one part of a snapshot, if the journal has the record with the hash that it belongs to.
-- $1 shard, $2 sequence, $3 the record's hash, $4 part, $5 parts, $6 checksum, $7 the part.
INSERT INTO payments.snapshots (shard, sequence, hash, part, parts, checksum, state)
SELECT shard, sequence, hash, $4::integer, $5::integer, $6::bytea, $7::bytea
FROM payments.journal_records
WHERE shard = $1 AND sequence = $2 AND hash = $3
ON CONFLICT (shard, sequence, part) DO UPDATE
SET parts = excluded.parts, hash = excluded.hash, checksum = excluded.checksum, state = excluded.state
RETURNING part;

-- name: delete_older
-- Delete a shard's snapshots before the newest whole one that is older than this. $1 shard, $2 sequence.
DELETE FROM payments.snapshots
WHERE shard = $1 AND sequence < (
    SELECT max(sequence)
    FROM (
        SELECT sequence
        FROM payments.snapshots
        WHERE shard = $1 AND sequence < $2
        GROUP BY sequence
        HAVING count(*) = max(parts)
    ) AS whole
);

-- name: newest_before
-- The newest snapshot of a shard before a sequence. $1 shard, $2 sequence.
SELECT sequence, hash, checksum, parts
FROM payments.snapshots
WHERE shard = $1 AND sequence < $2 AND part = 0
ORDER BY sequence DESC
LIMIT 1;

-- name: read_part
-- One part of a snapshot. $1 shard, $2 sequence, $3 part.
SELECT state FROM payments.snapshots WHERE shard = $1 AND sequence = $2 AND part = $3;

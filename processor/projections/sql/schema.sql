-- name: has_tables
-- Whether the schema is there, whole or not. $1 schema.
SELECT to_regclass(format('%I.projection', $1::text)) IS NOT NULL;

-- name: version
-- Which tables.sql has made the schema.
SELECT version FROM projections.projection;

-- name: fill
-- Note which tables.sql has made the tables, and that no record has been read yet. $1 version.
WITH noted AS (
    INSERT INTO projection (version) VALUES ($1::text)
)
INSERT INTO positions (shard) SELECT shard FROM payments.shards;

-- name: heads
-- Every shard's newest record.
SELECT shards.shard, coalesce(newest.sequence, 0) AS sequence
FROM payments.shards
LEFT JOIN LATERAL (
    SELECT sequence FROM payments.journal_records WHERE journal_records.shard = shards.shard ORDER BY sequence DESC LIMIT 1
) AS newest ON true;

-- name: lag
-- How far each shard's journal has been read, how far it goes, and how old the oldest record is that is still to be read.
SELECT
    positions.shard,
    positions.sequence AS position,
    coalesce(newest.sequence, 0) AS head,
    greatest(0, coalesce(extract(epoch FROM clock_timestamp())::double precision - next.recorded_at / 1e6, 0)) AS seconds
FROM projections.positions
LEFT JOIN LATERAL (
    SELECT sequence FROM payments.journal_records WHERE journal_records.shard = positions.shard ORDER BY sequence DESC LIMIT 1
) AS newest ON true
LEFT JOIN payments.journal_records AS next ON next.shard = positions.shard AND next.sequence = positions.sequence + 1
ORDER BY positions.shard;

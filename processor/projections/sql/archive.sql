-- name: outcomes
-- The outcomes of keys, each with how far its shard's journal has been read. $1 shards, $2 keys.
SELECT outcomes.outcome, positions.sequence AS position
FROM unnest($1::integer[], $2::bytea[]) WITH ORDINALITY AS asked (shard, key, number)
JOIN projections.positions USING (shard)
LEFT JOIN projections.outcomes ON outcomes.key = asked.key
ORDER BY asked.number;

-- name: payments
-- Payments, or the transfers as which they travel, each with how far its shard's journal has been read.
-- $1 times, $2 shards, $3 sequences, $4 indexes.
SELECT payments.*, transfers.number AS transfer, positions.sequence AS position
FROM unnest($1::bigint[], $2::integer[], $3::bigint[], $4::integer[]) WITH ORDINALITY AS asked (at, shard, sequence, index, number)
JOIN projections.positions ON positions.shard = asked.shard
LEFT JOIN projections.payments ON
    payments.at = asked.at AND payments.shard = asked.shard
    AND payments.sequence = asked.sequence AND payments.index = asked.index
LEFT JOIN projections.transfers ON
    transfers.shard = asked.shard AND transfers.home = asked.shard AND transfers.at = asked.at
    AND transfers.sequence = asked.sequence AND transfers.index = asked.index
ORDER BY asked.number;

-- name: positions
-- How far each shard's journal has been read.
SELECT shard, sequence FROM projections.positions ORDER BY shard;

-- name: save
-- $1 to $7: one array for each column. A divergence that was found stays, until its row is removed: rows of the shards $8 were there before,
-- and are not written if they are gone. Returns the shards of all others.
INSERT INTO payments.audits AS known
SELECT * FROM unnest($1::integer[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::bigint[]) AS told (shard)
WHERE shard <> ALL ($8::integer[]) OR EXISTS (SELECT FROM payments.audits AS there WHERE there.shard = told.shard)
ON CONFLICT (shard) DO UPDATE SET
    since = excluded.since,
    sequence = excluded.sequence,
    recorded_at = excluded.recorded_at,
    compared = excluded.compared,
    divergence = coalesce(known.divergence, excluded.divergence),
    divergence_sequence = coalesce(known.divergence_sequence, excluded.divergence_sequence)
RETURNING shard;

-- name: status
-- Every shard's audit, how far its journal goes, and how old the oldest record is that has not been audited.
SELECT
    shards.shard,
    coalesce(audits.since, 0),
    coalesce(audits.sequence, 0),
    coalesce(audits.recorded_at, 0),
    coalesce(audits.compared, 0),
    audits.divergence,
    audits.divergence_sequence,
    coalesce((SELECT max(sequence) FROM payments.journal_records AS records WHERE records.shard = shards.shard), 0) AS head,
    greatest(0, coalesce(extract(epoch FROM clock_timestamp())::double precision - next.recorded_at / 1e6, 0)) AS seconds
FROM payments.shards
LEFT JOIN payments.audits USING (shard)
LEFT JOIN payments.journal_records AS next ON next.shard = shards.shard AND next.sequence = coalesce(audits.sequence, 0) + 1
ORDER BY shards.shard;

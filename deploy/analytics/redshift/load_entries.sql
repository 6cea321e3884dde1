-- Loads what one manifest names into `entries`. Replace ${bucket}, ${number} (twelve digits, as in the manifest's key) and ${role}.
-- All or nothing, and harmless to repeat: a row that is there already is found by its name. The staging table is made anew
-- each time, because TRUNCATE would commit.
BEGIN;

CREATE TEMPORARY TABLE loaded (LIKE entries);

COPY loaded
FROM 's3://${bucket}/redshift/entries/${number}.manifest'
IAM_ROLE '${role}'
FORMAT AS PARQUET
MANIFEST;

MERGE INTO entries
USING loaded
ON entries.shard = loaded.shard
    AND entries.sequence = loaded.sequence
    AND entries.event_index = loaded.event_index
    AND entries.line = loaded.line
WHEN MATCHED THEN UPDATE SET amount = loaded.amount
WHEN NOT MATCHED THEN INSERT (
    shard, sequence, event_index, line, recorded_at, payment_id, operation, account, currency, direction, amount,
    posted_after, pending_in_after, pending_out_after, available_after
) VALUES (
    loaded.shard, loaded.sequence, loaded.event_index, loaded.line, loaded.recorded_at, loaded.payment_id,
    loaded.operation, loaded.account, loaded.currency, loaded.direction, loaded.amount, loaded.posted_after,
    loaded.pending_in_after, loaded.pending_out_after, loaded.available_after
);

DELETE FROM loaded_manifests WHERE table_name = 'entries' AND number = ${number};
INSERT INTO loaded_manifests (table_name, number) VALUES ('entries', ${number});

DROP TABLE loaded;

COMMIT;

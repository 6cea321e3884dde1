-- Loads what one manifest names into `events`. Replace ${bucket}, ${number} (twelve digits, as in the manifest's key) and ${role}.
-- All or nothing, and harmless to repeat: a row that is there already is found by its name. The staging table is made anew
-- each time, because TRUNCATE would commit.
BEGIN;

CREATE TEMPORARY TABLE loaded (LIKE events);

COPY loaded
FROM 's3://${bucket}/redshift/events/${number}.manifest'
IAM_ROLE '${role}'
FORMAT AS PARQUET
MANIFEST;

MERGE INTO events
USING loaded
ON events.shard = loaded.shard
    AND events.sequence = loaded.sequence
    AND events.event_index = loaded.event_index
WHEN MATCHED THEN UPDATE SET subject = loaded.subject
WHEN NOT MATCHED THEN INSERT (
    shard, sequence, event_index, recorded_at, type, subject, payment_id, account, operation, status, from_account,
    to_account, currency, amount, held, captured, refunded, moved, legs, moved_by_leg, mode, reference, metadata,
    created_at, expires_at, reason, code, request_id, refused_leg, refused_side, refused_condition, min_balance,
    max_balance
) VALUES (
    loaded.shard, loaded.sequence, loaded.event_index, loaded.recorded_at, loaded.type, loaded.subject, loaded.payment_id,
    loaded.account, loaded.operation, loaded.status, loaded.from_account, loaded.to_account, loaded.currency,
    loaded.amount, loaded.held, loaded.captured, loaded.refunded, loaded.moved, loaded.legs, loaded.moved_by_leg,
    loaded.mode, loaded.reference, loaded.metadata, loaded.created_at, loaded.expires_at, loaded.reason, loaded.code,
    loaded.request_id, loaded.refused_leg, loaded.refused_side, loaded.refused_condition, loaded.min_balance,
    loaded.max_balance
);

DELETE FROM loaded_manifests WHERE table_name = 'events' AND number = ${number};
INSERT INTO loaded_manifests (table_name, number) VALUES ('events', ${number});

DROP TABLE loaded;

COMMIT;

-- The two tables of the transaction records. Replace ${bucket}; run each statement by itself.
--
-- A table's location holds no data but lists of files: one list for each flush and day, written only after the flush was committed.
-- Rows of files that no list names (a crash may leave such files) are never read. Days are computed, not registered: nothing has to be
-- run when a new day begins. Raise the range's beginning if the ledger is younger, lower it if it is older: other days are not seen.

CREATE EXTERNAL TABLE IF NOT EXISTS entries (
    shard int,
    sequence bigint,
    event_index int,
    line int,
    recorded_at timestamp,
    payment_id string,
    operation string,
    account string,
    currency string,
    direction string,
    amount bigint,
    posted_after bigint,
    pending_in_after bigint,
    pending_out_after bigint,
    available_after bigint
)
PARTITIONED BY (`date` string)
ROW FORMAT SERDE 'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe'
STORED AS INPUTFORMAT 'org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat'
OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'
LOCATION 's3://${bucket}/athena/entries/'
TBLPROPERTIES (
    'projection.enabled' = 'true',
    'projection.date.type' = 'date',
    'projection.date.format' = 'yyyy-MM-dd',
    'projection.date.range' = '2020-01-01,NOW+1DAYS',
    'projection.date.interval' = '1',
    'projection.date.interval.unit' = 'DAYS'
);

CREATE EXTERNAL TABLE IF NOT EXISTS events (
    shard int,
    sequence bigint,
    event_index int,
    recorded_at timestamp,
    type string,
    subject string,
    payment_id string,
    account string,
    operation string,
    status string,
    from_account string,
    to_account string,
    currency string,
    amount bigint,
    held bigint,
    captured bigint,
    refunded bigint,
    moved bigint,
    legs string,
    moved_by_leg string,
    mode string,
    reference string,
    metadata string,
    created_at timestamp,
    expires_at timestamp,
    reason string,
    code string,
    request_id string,
    refused_leg int,
    refused_side string,
    refused_condition int,
    min_balance bigint,
    max_balance bigint
)
PARTITIONED BY (`date` string)
ROW FORMAT SERDE 'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe'
STORED AS INPUTFORMAT 'org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat'
OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'
LOCATION 's3://${bucket}/athena/events/'
TBLPROPERTIES (
    'projection.enabled' = 'true',
    'projection.date.type' = 'date',
    'projection.date.format' = 'yyyy-MM-dd',
    'projection.date.range' = '2020-01-01,NOW+1DAYS',
    'projection.date.interval' = '1',
    'projection.date.interval.unit' = 'DAYS'
);

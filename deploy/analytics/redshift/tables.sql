-- The same two tables in Redshift; columns in the order of the files, because COPY goes by position. Amounts in minor units, times UTC.
-- Redshift does not enforce the keys: the loads do (load_entries.sql, load_events.sql).

CREATE TABLE entries (
    shard integer NOT NULL,
    sequence bigint NOT NULL,
    event_index integer NOT NULL,
    line integer NOT NULL,
    recorded_at timestamp NOT NULL,
    payment_id varchar(32),
    operation varchar(16),
    account varchar(64) NOT NULL,
    currency char(3) NOT NULL,
    direction varchar(8),
    amount bigint NOT NULL,
    posted_after bigint,
    pending_in_after bigint,
    pending_out_after bigint,
    available_after bigint,
    PRIMARY KEY (shard, sequence, event_index, line)
)
DISTKEY (account)
SORTKEY (recorded_at);

CREATE TABLE events (
    shard integer NOT NULL,
    sequence bigint NOT NULL,
    event_index integer NOT NULL,
    recorded_at timestamp NOT NULL,
    type varchar(64) NOT NULL,
    subject varchar(64) NOT NULL,
    payment_id varchar(32),
    account varchar(64),
    operation varchar(16),
    status varchar(32),
    from_account varchar(64),
    to_account varchar(64),
    currency char(3),
    amount bigint,
    held bigint,
    captured bigint,
    refunded bigint,
    moved bigint,
    legs varchar(65535),
    moved_by_leg varchar(1024),
    mode varchar(16),
    reference varchar(1020),
    metadata varchar(65535),
    created_at timestamp,
    expires_at timestamp,
    reason varchar(2000),
    code varchar(64),
    request_id varchar(64),
    refused_leg integer,
    refused_side varchar(8),
    refused_condition integer,
    min_balance bigint,
    max_balance bigint,
    PRIMARY KEY (shard, sequence, event_index)
)
DISTKEY (payment_id)
SORTKEY (recorded_at);

-- What was loaded: the newest number tells which manifest comes next.
CREATE TABLE loaded_manifests (
    table_name varchar(16) NOT NULL,
    number bigint NOT NULL,
    loaded_at timestamp NOT NULL DEFAULT getdate(),
    PRIMARY KEY (table_name, number)
);

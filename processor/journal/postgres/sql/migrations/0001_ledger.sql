-- The journal, its snapshots, and who owns which shard.

-- One row: what was fixed when the ledger was created.
CREATE TABLE payments.ledger (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    shards integer NOT NULL CHECK (shards > 0),
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE payments.hosts (
    host text PRIMARY KEY,
    actor text NOT NULL,
    pid integer NOT NULL,
    heartbeat_at timestamptz NOT NULL,
    leaving boolean NOT NULL
);

-- `epoch` rises with every change of owner and never falls. `host` has no foreign key: a host may be forgotten first.
CREATE TABLE payments.shards (
    shard integer PRIMARY KEY,
    epoch bigint NOT NULL DEFAULT 0,
    host text
);

-- The write-ahead log. `frame` is the whole record; the other columns repeat what queries need. No foreign key to `shards`:
-- it would lock the shard's row at every append.
CREATE TABLE payments.journal_records (
    shard integer NOT NULL,
    sequence bigint NOT NULL CHECK (sequence > 0),
    epoch bigint NOT NULL,
    recorded_at bigint NOT NULL, -- microseconds since 1970
    hash bytea NOT NULL,
    frame bytea NOT NULL,
    PRIMARY KEY (shard, sequence)
);

-- Compressing would cost more processor time than the disk that it saves is worth.
ALTER TABLE payments.journal_records ALTER COLUMN frame SET STORAGE EXTERNAL;

-- A snapshot comes in parts, so that a large one neither fills the memory nor holds up other statements. `checksum` covers all parts.
CREATE TABLE payments.snapshots (
    shard integer NOT NULL,
    sequence bigint NOT NULL,
    part integer NOT NULL,
    parts integer NOT NULL,
    hash bytea NOT NULL,
    checksum bytea NOT NULL,
    state bytea NOT NULL,
    PRIMARY KEY (shard, sequence, part)
);

ALTER TABLE payments.snapshots ALTER COLUMN state SET STORAGE EXTERNAL;

-- How far the auditor has come with each shard, and the first thing that did not agree.

CREATE TABLE payments.audits (
    shard integer PRIMARY KEY,
    since bigint NOT NULL, -- the record from which on it has read without a gap
    sequence bigint NOT NULL,
    recorded_at bigint NOT NULL, -- that record's time, microseconds since 1970
    compared bigint NOT NULL, -- accounts compared with the live state and the read model
    divergence text,
    divergence_sequence bigint
);

-- What the bridge to S3 has committed: each row is one manifest, byte for byte, written in the transaction that moves the bridge's
-- cursor past what the manifest covers. Once S3 has it, `published_at` is set, and only the newest such row is kept: the next manifest
-- carries its hash, and begins where it ends.
CREATE TABLE payments.record_segments (
    bridge text NOT NULL,
    number bigint NOT NULL CHECK (number > 0),
    manifest bytea NOT NULL,
    committed_at timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz,
    PRIMARY KEY (bridge, number)
);

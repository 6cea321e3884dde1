-- name: create_migrations_table
-- Where the applied migrations are noted.
CREATE TABLE IF NOT EXISTS payments.migrations (
    name text PRIMARY KEY,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- name: has_schema
-- Whether the schema is there. Asked first because creating it needs a privilege that its user may not have.
SELECT to_regnamespace('payments') IS NOT NULL;

-- name: has_migrations
-- Whether any program has made its tables here.
SELECT to_regclass('payments.migrations') IS NOT NULL;

-- name: applied_migrations
-- The migrations that this database has had, in order.
SELECT name, sha256 FROM payments.migrations ORDER BY name;

-- name: note_migration
-- $1 name, $2 SHA-256 of its text.
INSERT INTO payments.migrations (name, sha256) VALUES ($1, $2);

-- name: shard_count
-- The number of shards, if the ledger has been created.
SELECT shards FROM payments.ledger;

-- name: create_ledger
-- Fix the number of shards and make their rows. $1 number of shards.
WITH created AS (
    INSERT INTO payments.ledger (shards) VALUES ($1::integer) RETURNING shards
)
INSERT INTO payments.shards (shard) SELECT generate_series(0, shards - 1) FROM created;

-- name: guarantees
-- What the server promises when it says that a transaction has committed. Aurora never writes pages, so it needs no full ones.
SELECT
    current_setting('server_version_num')::integer AS version,
    current_setting('fsync') AS fsync,
    current_setting('full_page_writes') AS full_page_writes,
    current_setting('synchronous_commit') AS synchronous_commit,
    to_regproc('pg_catalog.aurora_version') IS NOT NULL AS aurora;

-- The read model, made from the journal alone. It has a schema of its own and can be thrown away and built again at any time,
-- so there are no migrations: `version` is the digest of this file and views.sql, and another one means a new build.
-- Names are not qualified: whoever runs this has set search_path to the schema to be filled.
-- Times are microseconds since 1970. A payment's place is (at, shard, sequence, index), as its id tells.

CREATE TABLE projection (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    version text NOT NULL
);

-- How far each shard's journal has been read: changed in the same transaction as the rows.
CREATE TABLE positions (
    shard integer PRIMARY KEY,
    sequence bigint NOT NULL DEFAULT 0,
    at bigint NOT NULL DEFAULT 0
);

-- What was fixed when the account was opened, its status now, and what of it is reserved now. Balances stand in `entries`.
CREATE TABLE accounts (
    account text COLLATE "C" PRIMARY KEY,
    shard integer NOT NULL,
    currency text COLLATE "C" NOT NULL,
    min_balance bigint,
    max_balance bigint,
    metadata jsonb,
    opened_at bigint NOT NULL,
    status text COLLATE "C" NOT NULL,
    pending_out bigint NOT NULL DEFAULT 0,
    pending_in bigint NOT NULL DEFAULT 0
);
CREATE INDEX accounts_with_pending ON accounts (shard) WHERE pending_out <> 0 OR pending_in <> 0;

-- Every change of an account's balances, with the balances after it. `amount` is negative for a debit, and 0 where only something
-- was reserved or released (kinds 4 to 6, and payments that travel between hosts). `line` counts the account's lines in a record.
CREATE TABLE entries (
    account text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    sequence bigint NOT NULL,
    line integer NOT NULL,
    kind smallint NOT NULL,
    amount bigint NOT NULL,
    posted bigint NOT NULL,
    pending_out bigint NOT NULL,
    pending_in bigint NOT NULL,
    payment_at bigint NOT NULL,
    payment_shard integer NOT NULL,
    payment_sequence bigint NOT NULL,
    payment_index integer NOT NULL,
    PRIMARY KEY (account, at, sequence, line) INCLUDE (amount, posted)
);

-- `status` is null while a payment still travels between hosts; such rows are not shown. `legs` (MessagePack) is null for one leg,
-- which is `from_account`, `to_account`, `amount`, `currency`; with several legs those tell what all legs share, and else are
-- null, `amount` being the sum in one currency, at most 2^63 - 1. `held`, `captured` and `refunded` are for each leg; all null
-- means: made at once and not changed since. `changed` is the record of the newest change.
CREATE TABLE payments (
    at bigint NOT NULL,
    shard integer NOT NULL,
    sequence bigint NOT NULL,
    index integer NOT NULL,
    status text COLLATE "C",
    from_account text COLLATE "C",
    to_account text COLLATE "C",
    amount bigint,
    currency text COLLATE "C",
    legs bytea,
    held bigint[],
    captured bigint[],
    refunded bigint[],
    expires_at bigint,
    reference text COLLATE "C",
    metadata jsonb,
    changed bigint NOT NULL,
    PRIMARY KEY (at, shard, sequence, index)
);
-- With `status IS NOT NULL` an index alone tells which payments a list shows, so none has to be fetched only to be left out.
CREATE INDEX payments_from ON payments (from_account, at, shard, sequence, index) WHERE legs IS NULL AND status IS NOT NULL;
CREATE INDEX payments_to ON payments (to_account, at, shard, sequence, index) WHERE legs IS NULL AND status IS NOT NULL;
CREATE INDEX payments_currency ON payments (currency, at, shard, sequence, index) WHERE status IS NOT NULL;
CREATE INDEX payments_amount ON payments (amount, at, shard, sequence, index) WHERE status IS NOT NULL;
CREATE INDEX payments_reference ON payments (reference, at, shard, sequence, index)
WHERE reference IS NOT NULL AND status IS NOT NULL;
CREATE INDEX payments_status ON payments (status, at, shard, sequence, index) WHERE status <> 'succeeded';
CREATE INDEX payments_metadata ON payments USING gin (metadata jsonb_path_ops) WHERE metadata IS NOT NULL;
-- Next to no bytes: of what another index has found, it leaves out what is too old before that is fetched.
CREATE INDEX payments_time ON payments USING brin (at);

-- The accounts of payments with several legs, each once.
CREATE TABLE payment_accounts (
    account text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    shard integer NOT NULL,
    sequence bigint NOT NULL,
    index integer NOT NULL,
    PRIMARY KEY (account, at, shard, sequence, index)
);

-- The currencies of payments in several of them, each once; of all others `payments.currency` tells.
CREATE TABLE payment_currencies (
    currency text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    shard integer NOT NULL,
    sequence bigint NOT NULL,
    index integer NOT NULL,
    PRIMARY KEY (currency, at, shard, sequence, index)
);

-- What every idempotency key came to, as the core packs it. Shards forget theirs after a while and ask here.
CREATE TABLE outcomes (
    key bytea PRIMARY KEY,
    shard integer NOT NULL,
    outcome bytea NOT NULL
);

-- The events that began transfers which are not decided yet: needed when the decision comes, in a later record. `home` is the
-- shard that numbers them: the shard itself, or another one in whose transfer it takes part.
CREATE TABLE transfers (
    shard integer NOT NULL,
    home integer NOT NULL,
    number bigint NOT NULL,
    at bigint NOT NULL,
    sequence bigint NOT NULL,
    index integer NOT NULL,
    event bytea NOT NULL,
    PRIMARY KEY (shard, home, number)
);

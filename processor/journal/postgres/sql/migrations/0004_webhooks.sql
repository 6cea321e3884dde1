-- Where clients want events to be sent, and what has become of each event that was to be sent there.

-- An endpoint that is 'deleted' is only here until its deliveries are removed. `starts`: the newest record of each shard, in the order
-- of the shards, when the endpoint was enabled: it gets what came later. With `accounts` null it gets events about all accounts.
CREATE TABLE payments.webhook_endpoints (
    number integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text NOT NULL UNIQUE,
    tenant text NOT NULL,
    url text NOT NULL,
    types text[] NOT NULL,
    accounts text[],
    description text,
    status text NOT NULL DEFAULT 'enabled' CHECK (status IN ('enabled', 'disabled', 'deleted')),
    reason text, -- why it is disabled
    changed_at timestamptz NOT NULL DEFAULT now(), -- since when it has this status
    created_at timestamptz NOT NULL DEFAULT now(),
    starts bigint[] NOT NULL,
    secret bytea NOT NULL,
    previous_secret bytea, -- signs too, until then
    previous_until timestamptz
);

CREATE INDEX webhook_endpoints_of_tenant ON payments.webhook_endpoints (tenant, number);

-- One event for one endpoint; the event itself is in the journal. `at` is its record's time. A test event has the sequence 0.
-- `due_at`: when it is to be sent; while it is being sent, when somebody else may take it for lost. `log`: the newest attempts.
CREATE TABLE payments.webhook_deliveries (
    endpoint integer NOT NULL, -- the endpoint's number; no foreign key, which would cost each row a look at it
    at bigint NOT NULL, -- microseconds since 1970
    shard integer NOT NULL,
    sequence bigint NOT NULL,
    index integer NOT NULL,
    type text NOT NULL,
    status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivered', 'failed')),
    attempts integer NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL DEFAULT now(),
    queued_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    log jsonb NOT NULL DEFAULT '[]',
    PRIMARY KEY (endpoint, at, shard, sequence, index)
) WITH (autovacuum_vacuum_scale_factor = 0.05); -- every row is changed twice and removed a week later

CREATE INDEX webhook_deliveries_due ON payments.webhook_deliveries (endpoint, due_at, at, shard, sequence, index)
    INCLUDE (queued_at) WHERE status = 'pending';

CREATE INDEX webhook_deliveries_failed ON payments.webhook_deliveries (endpoint, at, shard, sequence, index)
    WHERE status = 'failed';

-- The past that an endpoint has asked for again: events of that time and later, up to the newest record of each shard at the request.
-- `positions`: how far each shard has been read; null: not begun.
CREATE TABLE payments.webhook_redeliveries (
    endpoint integer PRIMARY KEY,
    since_at bigint NOT NULL, -- microseconds since 1970
    only_failed boolean NOT NULL,
    positions bigint[],
    heads bigint[] NOT NULL,
    queued bigint NOT NULL DEFAULT 0, -- events so far
    requested_at timestamptz NOT NULL DEFAULT now()
);

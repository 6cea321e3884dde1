-- How far each bridge has carried the events, how it is doing, and the events that its target will not take.

-- `epoch` rises whenever another copy of the bridge takes it over, and never falls. The counts are sums over all copies.
CREATE TABLE payments.bridges (
    bridge text PRIMARY KEY,
    epoch bigint NOT NULL DEFAULT 0,
    state text NOT NULL DEFAULT 'starting',
    problem text,
    published bigint NOT NULL DEFAULT 0,
    rejected bigint NOT NULL DEFAULT 0,
    retries bigint NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- `sequence`: all events of the shard's records up to this one are at the bridge's target, or among the dead letters.
CREATE TABLE payments.bridge_cursors (
    bridge text NOT NULL,
    shard integer NOT NULL,
    sequence bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (bridge, shard)
);

-- Events that were not carried over, each named by its place in the journal, which still has it.
CREATE TABLE payments.bridge_dead_letters (
    bridge text NOT NULL,
    shard integer NOT NULL,
    sequence bigint NOT NULL,
    index integer NOT NULL,
    type text NOT NULL,
    subject text NOT NULL,
    reason text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(), -- when it was given up
    redrive_at timestamptz, -- since when it is to be tried again
    PRIMARY KEY (bridge, shard, sequence, index)
);

CREATE INDEX bridge_dead_letters_to_redrive ON payments.bridge_dead_letters (bridge) WHERE redrive_at IS NOT NULL;

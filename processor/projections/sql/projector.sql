-- name: lock
-- Keep other projectors of this schema waiting until the transaction ends. No row: the schema has been replaced.
SELECT version FROM projection FOR UPDATE;

-- name: positions
-- How far each shard's journal has been read.
SELECT shard, sequence FROM positions;

-- name: advance
-- Note how far the journal has been read now, unless somebody else has done so meanwhile.
-- $1 shards, $2 the sequences until now, $3 the new ones, $4 the times of their records.
UPDATE positions
SET sequence = moved.sequence, at = moved.at
FROM unnest($1::integer[], $2::bigint[], $3::bigint[], $4::bigint[]) AS moved (shard, before, sequence, at)
WHERE positions.shard = moved.shard AND positions.sequence = moved.before;

-- name: accounts_with_pending
-- Of which accounts something is reserved, with their balances after their newest line.
SELECT accounts.shard, accounts.account, accounts.pending_out, accounts.pending_in, newest.posted
FROM accounts
CROSS JOIN LATERAL (
    SELECT posted FROM entries WHERE entries.account = accounts.account ORDER BY at DESC, sequence DESC, line DESC LIMIT 1
) AS newest
WHERE accounts.pending_out <> 0 OR accounts.pending_in <> 0;

-- name: open_transfers
-- The transfers that are not decided yet.
SELECT shard, home, number, at, sequence, index, event FROM transfers;

-- name: posted
-- The balances of accounts after their newest lines. $1 accounts.
SELECT asked.account, newest.posted
FROM unnest($1::text[]) AS asked (account)
CROSS JOIN LATERAL (
    SELECT posted FROM entries WHERE entries.account = asked.account ORDER BY at DESC, sequence DESC, line DESC LIMIT 1
) AS newest;

-- name: change_accounts
-- $1 accounts, $2 statuses, $3 and $4 what is reserved; null leaves it as it is.
UPDATE accounts
SET
    status = coalesce(changed.status, accounts.status),
    pending_out = coalesce(changed.pending_out, accounts.pending_out),
    pending_in = coalesce(changed.pending_in, accounts.pending_in)
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) AS changed (account, status, pending_out, pending_in)
WHERE accounts.account = changed.account;

-- name: change_payments
-- $1 to $4 places, $5 statuses, $6 to $8 amounts for each leg as text like {1,2}, $9 records.
UPDATE payments
SET
    status = new.status,
    held = new.held::bigint[],
    captured = new.captured::bigint[],
    refunded = new.refunded::bigint[],
    changed = new.changed
FROM unnest(
    $1::bigint[], $2::integer[], $3::bigint[], $4::integer[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bigint[]
) AS new (at, shard, sequence, index, status, held, captured, refunded, changed)
WHERE
    payments.at = new.at AND payments.shard = new.shard AND payments.sequence = new.sequence AND payments.index = new.index;

-- name: end_transfers
-- Delete transfers that are decided. $1 shards, $2 homes, $3 numbers.
DELETE FROM transfers
USING unnest($1::integer[], $2::integer[], $3::bigint[]) AS ended (shard, home, number)
WHERE transfers.shard = ended.shard AND transfers.home = ended.home AND transfers.number = ended.number;

-- Everything, for the comparison with the journal.

-- name: has_tables
SELECT to_regclass('positions') IS NOT NULL;

-- name: positions
SELECT shard, sequence FROM positions;

-- name: accounts
SELECT account, shard, currency, min_balance, max_balance, status FROM accounts;

-- name: entries
-- In the order of the primary key: the last row of an account is its newest line.
SELECT account, sequence, amount, posted, pending_out, pending_in, payment_shard, payment_sequence, payment_index
FROM entries
ORDER BY account, at, sequence, line;

-- name: payments
SELECT * FROM payments;

-- name: outcomes
SELECT key, shard, outcome FROM outcomes;

-- name: balances
-- How the newest line has some accounts, each with how far the shard's journal has been read. $1 shard, $2 accounts.
SELECT
    asked.account,
    positions.sequence,
    coalesce(line.posted, 0) AS posted,
    coalesce(line.pending_out, 0) AS pending_out,
    coalesce(line.pending_in, 0) AS pending_in
FROM unnest($2::text[]) AS asked (account)
JOIN projections.positions ON positions.shard = $1
JOIN projections.accounts ON accounts.account = asked.account
LEFT JOIN LATERAL (
    SELECT entries.posted, entries.pending_out, entries.pending_in
    FROM projections.entries
    WHERE entries.account = asked.account
    ORDER BY entries.at DESC, entries.sequence DESC, entries.line DESC
    LIMIT 1
) AS line ON true;

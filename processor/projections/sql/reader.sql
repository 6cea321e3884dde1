-- name: positions
-- How far each shard's journal has been read.
SELECT shard, sequence FROM positions ORDER BY shard;

-- name: entries
-- An account's lines that moved money, newest first. $1 account; $2 at, $3 sequence, $4 line: only lines before this one; $5 limit.
SELECT at, sequence, line, kind, amount, posted, payment_at, payment_shard, payment_sequence, payment_index
FROM entries
WHERE account = $1 AND (at, sequence, line) < ($2::bigint, $3::bigint, $4::bigint) AND amount <> 0
ORDER BY at DESC, sequence DESC, line DESC
LIMIT $5;

-- name: newest_line
-- An account's newest line, of any kind. $1 account; $2 at, $3 sequence, $4 line: only lines before this one.
SELECT at, sequence, line, posted, pending_out, pending_in
FROM entries
WHERE account = $1 AND (at, sequence, line) < ($2::bigint, $3::bigint, $4::bigint)
ORDER BY at DESC, sequence DESC, line DESC
LIMIT 1;

-- name: statement_totals
-- What came in and what went out. $1 account; $2 at, $3 sequence, $4 line: after this line; $5, $6, $7: up to this line.
SELECT coalesce(sum(amount) FILTER (WHERE amount > 0), 0) AS credits, coalesce(-sum(amount) FILTER (WHERE amount < 0), 0) AS debits
FROM entries
WHERE
    account = $1
    AND (at, sequence, line) > ($2::bigint, $3::bigint, $4::bigint)
    AND (at, sequence, line) <= ($5::bigint, $6::bigint, $7::bigint);

-- name: statement_lines
-- An account's lines that moved money, oldest first. $1 account; $2 at, $3 sequence, $4 line: after this line;
-- $5, $6, $7: up to this line; $8 limit.
SELECT at, sequence, line, kind, amount, posted, payment_at, payment_shard, payment_sequence, payment_index
FROM entries
WHERE
    account = $1
    AND (at, sequence, line) > ($2::bigint, $3::bigint, $4::bigint)
    AND (at, sequence, line) <= ($5::bigint, $6::bigint, $7::bigint)
    AND amount <> 0
ORDER BY at, sequence, line
LIMIT $8;

-- name: empty_tables
-- What was never counted since it was emptied is planned for as if it were small, not empty: so these tables are not analysed here.
TRUNCATE accounts, payments, entries, outbox RESTART IDENTITY;

-- name: open_accounts
-- $1 ids, $2 currency, $3 balance, $4 lower bound. A balance is brought by an entry, as any other.
WITH opened AS (
    INSERT INTO accounts (id, currency, balance, min_balance)
    SELECT id, $2, $3::bigint, $4::bigint FROM unnest($1::text[]) AS id
    RETURNING id
)
INSERT INTO entries (payment_id, account_id, amount) SELECT 0, id, $3 FROM opened WHERE $3 <> 0;

-- name: totals
-- What must hold after any load, in numbers.
SELECT
    (SELECT count(*) FROM payments) AS payments,
    (SELECT count(*) FROM outbox) AS events,
    (SELECT count(DISTINCT payment_id) FROM outbox) AS payments_told,
    (SELECT count(*) FROM entries WHERE payment_id <> 0) AS entries,
    (
        SELECT count(*)
        FROM (SELECT payment_id FROM entries WHERE payment_id <> 0 GROUP BY payment_id HAVING sum(amount) <> 0 OR count(*) <> 2) AS unbalanced
    ) AS unbalanced_payments,
    (
        SELECT count(*)
        FROM accounts LEFT JOIN (SELECT account_id, sum(amount) AS amount FROM entries GROUP BY account_id) AS moved ON account_id = id
        WHERE balance <> coalesce(moved.amount, 0)
    ) AS wrong_balances,
    (SELECT count(*) FROM accounts WHERE balance < min_balance) AS overdrawn_accounts;

-- name: keys
-- Of all payments.
SELECT idempotency_key FROM payments;

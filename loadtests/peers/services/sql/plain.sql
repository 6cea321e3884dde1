-- name: insert_payment
-- Gives the payment's id, or nothing if the key has been used. Waits while another transaction is using it.
INSERT INTO payments (idempotency_key, from_account, to_account, amount, currency)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (idempotency_key) DO NOTHING
RETURNING id;

-- name: find_payment
-- The payment that a key has made, and whether it is the same one that is asked for now.
SELECT id, (from_account, to_account, amount, currency) = ($2, $3, $4::bigint, $5) AS is_same
FROM payments WHERE idempotency_key = $1;

-- name: lock_accounts
-- In the order of their ids, so that no two payments wait for each other.
SELECT id, currency, balance, min_balance FROM accounts WHERE id IN ($1, $2) ORDER BY id FOR UPDATE;

-- name: insert_entries
-- $1 payment, $2 payer, $3 payee, $4 amount.
INSERT INTO entries (payment_id, account_id, amount) VALUES ($1, $2, -$4::bigint), ($1, $3, $4);

-- name: change_balances
-- $1 payer, $2 payee, $3 amount.
UPDATE accounts SET balance = balance + CASE id WHEN $1 THEN -$3::bigint ELSE $3 END WHERE id IN ($1, $2);

-- name: insert_event
-- Tells others of the payment, later.
INSERT INTO outbox (payment_id) VALUES ($1);

-- Views over the two tables, the same for Athena, Redshift and DuckDB. Run each statement by itself.

-- Payments as they stand: each payment's newest event. All events about a payment come from one shard, in the order of their names.
CREATE VIEW payments AS
SELECT
    payment_id, status, from_account, to_account, currency, amount, held, captured, refunded, legs, mode, reference, metadata,
    created_at, expires_at, recorded_at AS changed_at
FROM (
    SELECT
        events.*,
        row_number() OVER (PARTITION BY payment_id ORDER BY sequence DESC, event_index DESC) AS age
    FROM events
    WHERE payment_id IS NOT NULL AND status IS NOT NULL
) AS aged
WHERE age = 1;

-- Accounts' balances as they stand: each account's newest line. An account lives on one shard.
CREATE VIEW balances AS
SELECT
    account, currency, posted_after AS posted, pending_in_after AS pending_in, pending_out_after AS pending_out,
    available_after AS available, recorded_at AS changed_at
FROM (
    SELECT
        entries.*,
        row_number() OVER (PARTITION BY account ORDER BY sequence DESC, event_index DESC, line DESC) AS age
    FROM entries
) AS aged
WHERE age = 1;

-- Accounts: how they were opened, and their newest status.
CREATE VIEW accounts AS
SELECT
    opened.account, opened.currency, newest.status, opened.min_balance, opened.max_balance, opened.metadata,
    opened.recorded_at AS created_at
FROM events AS opened
JOIN (
    SELECT
        account, status,
        row_number() OVER (PARTITION BY account ORDER BY sequence DESC, event_index DESC) AS age
    FROM events
    WHERE account IS NOT NULL
) AS newest ON newest.account = opened.account AND newest.age = 1
WHERE opened.type = 'account.opened';

-- Views for analysts, in the same schema as the tables they read. All amounts are integers in minor units of their currency.
-- Sums are numeric: they may outgrow 64 bits.

CREATE OR REPLACE VIEW balances AS
SELECT
    accounts.account,
    accounts.currency,
    accounts.status,
    coalesce(newest.posted, 0) AS posted,
    accounts.pending_out,
    accounts.pending_in,
    coalesce(newest.posted, 0) - accounts.pending_out AS available,
    accounts.min_balance,
    accounts.max_balance,
    accounts.metadata,
    timestamptz 'epoch' + accounts.opened_at * interval '1 microsecond' AS opened_at,
    timestamptz 'epoch' + newest.at * interval '1 microsecond' AS changed_at
FROM accounts
LEFT JOIN LATERAL (
    SELECT entries.posted, entries.at
    FROM entries
    WHERE entries.account = accounts.account
    ORDER BY entries.at DESC, entries.sequence DESC, entries.line DESC
    LIMIT 1
) AS newest ON true;
COMMENT ON VIEW balances IS
'Each account with its balances now, in minor units. available = posted - pending_out; changed_at is null before the first entry.';

CREATE OR REPLACE VIEW trial_balance AS
SELECT
    currency,
    count(*) AS accounts,
    sum(posted) AS posted,
    coalesce(sum(posted) FILTER (WHERE posted > 0), 0) AS positive,
    coalesce(sum(posted) FILTER (WHERE posted < 0), 0) AS negative
FROM balances
GROUP BY currency;
COMMENT ON VIEW trial_balance IS
'Per currency: accounts, and the sums of all, of the positive and of the negative balances, in minor units. posted is zero but for '
'payments between shards of which only one side has been projected yet. Reads every account.';

CREATE OR REPLACE VIEW daily_totals AS
SELECT
    (timestamp 'epoch' + entries.at * interval '1 microsecond')::date AS day,
    accounts.currency,
    count(DISTINCT (entries.payment_at, entries.payment_shard, entries.payment_sequence, entries.payment_index))
    FILTER (WHERE entries.kind IN (0, 1)) AS payments,
    coalesce(sum(entries.amount) FILTER (WHERE entries.kind IN (0, 1)), 0) AS volume,
    count(DISTINCT (entries.payment_at, entries.payment_shard, entries.payment_sequence, entries.payment_index))
    FILTER (WHERE entries.kind IN (2, 3)) AS refunded_payments,
    coalesce(sum(entries.amount) FILTER (WHERE entries.kind IN (2, 3)), 0) AS refunds
FROM entries
JOIN accounts USING (account)
-- Credits only: every movement is counted once, on the day it reached its account.
WHERE entries.amount > 0
GROUP BY day, accounts.currency;
COMMENT ON VIEW daily_totals IS
'Per UTC day and currency, in minor units: payments that were made or captured and what they moved (volume), payments of which '
'something was refunded or reversed and how much (refunds). A day is when the money was posted. Reads every entry.';

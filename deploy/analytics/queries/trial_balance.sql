-- Per currency: the number of accounts, the sums of their balances, and what debits and credits come to. `posted` is zero once no
-- payment travels between shard hosts.
SELECT
    balances.currency,
    count(*) AS accounts,
    sum(balances.posted) AS posted,
    sum(balances.pending_in) AS pending_in,
    sum(balances.pending_out) AS pending_out,
    max(turnover.debits) AS debits,
    max(turnover.credits) AS credits
FROM balances
JOIN (
    SELECT
        currency,
        sum(CASE WHEN direction = 'debit' THEN amount ELSE 0 END) AS debits,
        sum(CASE WHEN direction = 'credit' THEN amount ELSE 0 END) AS credits
    FROM entries
    GROUP BY currency
) AS turnover ON turnover.currency = balances.currency
GROUP BY balances.currency
ORDER BY balances.currency

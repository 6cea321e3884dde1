-- Accounts whose entries do not add up to their posted balance: none, or files are missing.
SELECT balances.account, balances.posted, coalesce(summed.posted, 0) AS summed
FROM balances
LEFT JOIN (
    SELECT account, sum(CASE direction WHEN 'credit' THEN amount WHEN 'debit' THEN -amount ELSE 0 END) AS posted
    FROM entries
    GROUP BY account
) AS summed ON summed.account = balances.account
WHERE balances.posted <> coalesce(summed.posted, 0)
ORDER BY balances.account

-- An account's payments as they stand, newest first. Parameter: the account.
SELECT payments.payment_id, payments.status, payments.amount, payments.currency, payments.reference, payments.created_at
FROM payments
JOIN (SELECT DISTINCT payment_id, account FROM entries WHERE payment_id IS NOT NULL) AS touched
    ON touched.payment_id = payments.payment_id
WHERE touched.account = ?
ORDER BY payments.created_at DESC, payments.payment_id DESC

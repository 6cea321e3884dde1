-- What is still held, soonest to expire first.
SELECT payment_id, from_account, to_account, held, currency, expires_at
FROM payments
WHERE status = 'held'
ORDER BY expires_at, payment_id

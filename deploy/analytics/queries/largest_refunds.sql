-- The hundred largest refunds and reversals of single-currency payments, with the reasons.
SELECT payment_id, operation, moved, currency, reason, recorded_at
FROM events
WHERE type IN ('payment.refunded', 'payment.reversed') AND moved IS NOT NULL
ORDER BY moved DESC, payment_id, recorded_at
LIMIT 100

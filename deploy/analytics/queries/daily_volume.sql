-- What moved on each day, by currency and kind of operation.
SELECT "date", currency, operation, count(DISTINCT payment_id) AS payments, sum(amount) AS amount
FROM entries
WHERE direction = 'credit'
GROUP BY "date", currency, operation
ORDER BY "date", currency, operation

-- One account's lines of some days, oldest first. Parameters: the account, the first and the last day as 'YYYY-MM-DD'.
SELECT recorded_at, payment_id, operation, direction, amount, posted_after
FROM entries
WHERE account = ? AND direction IS NOT NULL AND "date" >= ? AND "date" <= ?
ORDER BY sequence, event_index, line

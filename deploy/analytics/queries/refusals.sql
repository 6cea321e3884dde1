-- Why requests were refused, by day.
SELECT "date", code, count(*) AS refusals
FROM events
WHERE code IS NOT NULL
GROUP BY "date", code
ORDER BY "date", refusals DESC, code

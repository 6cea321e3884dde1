-- name: has_table
SELECT to_regclass('payments.webhook_endpoints') IS NOT NULL AS has_table;

-- name: has_endpoints
SELECT EXISTS (SELECT FROM payments.webhook_endpoints) AS has_endpoints;

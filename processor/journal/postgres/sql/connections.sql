-- name: connections
-- Connections of all clients to all databases of the server, and how many there may be without those that are kept for administrators.
SELECT
    (SELECT sum(numbackends) FROM pg_stat_database WHERE datid <> 0)::integer AS used,
    current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer AS allowed;

-- name: queue
-- Events that are to be sent for the first time. $1 endpoints, $2 times, $3 to $5 places, $6 types: arrays of the same length.
INSERT INTO payments.webhook_deliveries (endpoint, at, shard, sequence, index, type)
SELECT * FROM unnest($1::integer[], $2::bigint[], $3::integer[], $4::bigint[], $5::integer[], $6::text[])
ON CONFLICT DO NOTHING;

-- name: queue_again
-- Events that are to be sent although they may have been before. Arguments as above, and $7: those that were delivered are left out.
-- Those that are still waiting go on waiting. Returns how many will be sent.
WITH queued AS (
    INSERT INTO payments.webhook_deliveries AS known (endpoint, at, shard, sequence, index, type)
    SELECT * FROM unnest($1::integer[], $2::bigint[], $3::integer[], $4::bigint[], $5::integer[], $6::text[])
    ON CONFLICT (endpoint, at, shard, sequence, index) DO UPDATE
    SET status = 'pending', attempts = 0, due_at = now(), queued_at = now(), finished_at = NULL
    WHERE known.status = 'failed' OR (known.status = 'delivered' AND NOT $7)
    RETURNING 1
)
SELECT count(*) FROM queued;

-- name: queue_known
-- Send again what is in the log. $1 endpoint, $2 times, $3 to $5 places. Returns how many there were.
WITH queued AS (
    UPDATE payments.webhook_deliveries AS known
    SET status = 'pending', attempts = 0, due_at = now(), queued_at = now(), finished_at = NULL
    FROM unnest($2::bigint[], $3::integer[], $4::bigint[], $5::integer[]) AS named (at, shard, sequence, index)
    WHERE
        known.endpoint = $1 AND known.at = named.at AND known.shard = named.shard AND known.sequence = named.sequence
        AND known.index = named.index
    RETURNING 1
)
SELECT count(*) FROM queued;

-- name: due
-- Which endpoints have something to send now. $1 endpoints.
SELECT asked.endpoint
FROM unnest($1::integer[]) AS asked (endpoint)
WHERE EXISTS (
    SELECT FROM payments.webhook_deliveries AS waiting
    WHERE waiting.endpoint = asked.endpoint AND waiting.status = 'pending' AND waiting.due_at <= now()
);

-- name: claim
-- Take what is due, so that nobody else sends it for a while. $1 endpoint, $2 how many, $3 for how many seconds.
UPDATE payments.webhook_deliveries AS claimed
SET due_at = now() + make_interval(secs => $3)
FROM (
    SELECT endpoint, at, shard, sequence, index
    FROM payments.webhook_deliveries
    WHERE
        endpoint = $1 AND status = 'pending' AND due_at <= now()
        AND EXISTS (SELECT FROM payments.webhook_endpoints WHERE number = $1 AND status = 'enabled')
    ORDER BY due_at, at, shard, sequence, index
    LIMIT $2
    FOR UPDATE SKIP LOCKED
) AS due
WHERE
    claimed.endpoint = due.endpoint AND claimed.at = due.at AND claimed.shard = due.shard AND claimed.sequence = due.sequence
    AND claimed.index = due.index
RETURNING claimed.at, claimed.shard, claimed.sequence, claimed.index, claimed.attempts;

-- name: release
-- Give back what was claimed and not tried. $1 endpoint, $2 times, $3 to $5 places.
UPDATE payments.webhook_deliveries AS claimed
SET due_at = now()
FROM unnest($2::bigint[], $3::integer[], $4::bigint[], $5::integer[]) AS given (at, shard, sequence, index)
WHERE
    claimed.endpoint = $1 AND claimed.at = given.at AND claimed.shard = given.shard AND claimed.sequence = given.sequence
    AND claimed.index = given.index AND claimed.status = 'pending';

-- name: note
-- What came of attempts. $1 endpoints, $2 times, $3 to $5 places, $6 attempts before this one, $7 new statuses, $8 seconds until the
-- next attempt, $9 the attempts for the log, as JSON. If somebody else has noted an attempt meanwhile, only good news counts.
UPDATE payments.webhook_deliveries AS tried
SET
    status = noted.status,
    attempts = tried.attempts + 1,
    due_at = now() + make_interval(secs => noted.pause_seconds),
    finished_at = CASE WHEN noted.status <> 'pending' THEN now() END,
    log = CASE WHEN jsonb_array_length(tried.log) >= 10 THEN tried.log - 0 ELSE tried.log END || noted.attempt::jsonb
FROM unnest(
    $1::integer[], $2::bigint[], $3::integer[], $4::bigint[], $5::integer[], $6::integer[], $7::text[], $8::float8[], $9::text[]
) AS noted (endpoint, at, shard, sequence, index, attempts, status, pause_seconds, attempt)
WHERE
    tried.endpoint = noted.endpoint AND tried.at = noted.at AND tried.shard = noted.shard AND tried.sequence = noted.sequence
    AND tried.index = noted.index AND tried.status = 'pending'
    AND (tried.attempts = noted.attempts OR noted.status = 'delivered');

-- name: waiting
-- How many wait for each endpoint, and since when the first of them.
SELECT waiting.endpoint, count(*) AS count, extract(epoch FROM now() - min(queued_at))::float8 AS oldest_seconds
FROM payments.webhook_deliveries AS waiting
JOIN payments.webhook_endpoints AS endpoints ON endpoints.number = waiting.endpoint AND endpoints.status = 'enabled'
WHERE waiting.status = 'pending'
GROUP BY waiting.endpoint;

-- name: give_up
-- What has waited too long has failed, also if its receiver was let alone for so long that it had few attempts. The time for which
-- the endpoint was disabled does not count.
-- $1 after so many seconds, $2 how many at most, $3 the entry for the log, as JSON.
WITH late AS (
    SELECT found.*
    FROM payments.webhook_endpoints AS endpoints
    CROSS JOIN LATERAL (
        SELECT endpoint, at, shard, sequence, index
        FROM payments.webhook_deliveries AS known
        WHERE known.endpoint = endpoints.number AND known.status = 'pending' AND known.queued_at < now() - make_interval(secs => $1)
        LIMIT $2
    ) AS found
    WHERE endpoints.status = 'enabled' AND endpoints.changed_at < now() - make_interval(secs => $1)
), failed AS (
    UPDATE payments.webhook_deliveries AS known
    SET status = 'failed', finished_at = now(), log = known.log || $3::text::jsonb
    FROM late
    WHERE
        known.endpoint = late.endpoint AND known.at = late.at AND known.shard = late.shard AND known.sequence = late.sequence
        AND known.index = late.index AND known.status = 'pending'
    RETURNING 1
)
SELECT count(*) FROM failed;

-- name: forget
-- Remove some of what was finished long ago, and of what waits for an endpoint that was disabled long ago or is deleted.
-- $1 so many seconds ago, $2 the same as a time in microseconds, $3 how many of each endpoint at most.
WITH old AS (
    SELECT found.*
    FROM payments.webhook_endpoints AS endpoints
    CROSS JOIN LATERAL (
        SELECT endpoint, at, shard, sequence, index
        FROM payments.webhook_deliveries AS known
        WHERE
            known.endpoint = endpoints.number
            -- This one bounds what is looked at.
            AND known.at < CASE WHEN endpoints.status = 'deleted' THEN 9223372036854775807 ELSE $2::bigint END
            AND (
                endpoints.status = 'deleted'
                OR known.finished_at < now() - make_interval(secs => $1)
                OR (endpoints.status = 'disabled' AND endpoints.changed_at < now() - make_interval(secs => $1))
            )
        ORDER BY known.at
        LIMIT $3
    ) AS found
), removed AS (
    DELETE FROM payments.webhook_deliveries AS known
    USING old
    WHERE
        known.endpoint = old.endpoint AND known.at = old.at AND known.shard = old.shard AND known.sequence = old.sequence
        AND known.index = old.index
    RETURNING 1
)
SELECT count(*) FROM removed;

-- name: forget_endpoints
-- Remove endpoints that were deleted a minute ago, so that nobody adds to them any more, and that have nothing left.
DELETE FROM payments.webhook_endpoints AS endpoints
WHERE
    status = 'deleted' AND changed_at < now() - interval '1 minute'
    AND NOT EXISTS (SELECT FROM payments.webhook_deliveries AS known WHERE known.endpoint = endpoints.number)
    AND NOT EXISTS (SELECT FROM payments.webhook_redeliveries AS asked WHERE asked.endpoint = endpoints.number);

-- name: list
-- Newest events first. $1 endpoint, $2 to $5 before this place, $6 how many. A condition on the status takes the comment's place.
SELECT at, shard, sequence, index, type, status, attempts, due_at, queued_at, finished_at, log
FROM payments.webhook_deliveries
WHERE
    endpoint = $1 AND (at, shard, sequence, index) < ($2::bigint, $3::integer, $4::bigint, $5::integer)
    /* status */
ORDER BY at DESC, shard DESC, sequence DESC, index DESC
LIMIT $6;

-- name: list_pending
-- The same of those that wait: first their keys, as there may be few of them among very many others.
WITH waiting AS MATERIALIZED (
    SELECT at, shard, sequence, index FROM payments.webhook_deliveries WHERE endpoint = $1 AND status = 'pending'
), page AS MATERIALIZED (
    SELECT * FROM waiting
    WHERE (at, shard, sequence, index) < ($2::bigint, $3::integer, $4::bigint, $5::integer)
    ORDER BY at DESC, shard DESC, sequence DESC, index DESC
    LIMIT $6
)
SELECT at, shard, sequence, index, type, status, attempts, due_at, queued_at, finished_at, log
FROM payments.webhook_deliveries AS known
JOIN page USING (at, shard, sequence, index)
WHERE known.endpoint = $1
ORDER BY at DESC, shard DESC, sequence DESC, index DESC;

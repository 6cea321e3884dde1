-- name: append
-- Insert one record for each of several shards, all or none.
-- $1 shards, $2 sequences, $3 epochs, $4 times, $5 previous hashes, $6 hashes, $7 frames: arrays of the same length.
--
-- A record fits if its epoch is the shard's newest and its previous hash is that of the record at sequence - 1 (32 zero bytes
-- before the first). If one does not fit, none is inserted; if a sequence is taken, the primary key refuses all.
--
-- Why a writer that has been replaced changes nothing, although no row is locked: every condition is read from the one snapshot
-- of this statement. Say that the new owner's claim has committed, and then its fence record, at sequence f.
--  * An old writer's statement whose snapshot is younger than the claim sees the new epoch and inserts nothing.
--  * One whose snapshot is older than the claim cannot see the fence, which was appended after the claim. The predecessor that it
--    needs must be visible to it, so its sequence is f or lower. Every sequence up to f is taken: the primary key refuses it.
--  * If it was inserted at f before the fence but has not committed yet, the fence waits for it in the primary key's index, is
--    refused when it commits, and is tried again after it. So it precedes the fence, and the new owner replays it.
-- Hence no record of an older epoch follows the fence.
INSERT INTO payments.journal_records (shard, sequence, epoch, recorded_at, hash, frame)
SELECT record.*
FROM unnest($1::integer[], $2::bigint[], $3::bigint[], $4::bigint[], $6::bytea[], $7::bytea[]) AS record
WHERE cardinality($1::integer[]) = (
    SELECT count(*)
    FROM unnest($1::integer[], $2::bigint[], $3::bigint[], $5::bytea[]) AS next (shard, sequence, epoch, previous_hash)
    JOIN payments.shards USING (shard, epoch)
    WHERE next.previous_hash = CASE
        WHEN next.sequence = 1 THEN decode(repeat('00', 32), 'hex')
        ELSE (
            SELECT previous.hash
            FROM payments.journal_records AS previous
            WHERE previous.shard = next.shard AND previous.sequence = next.sequence - 1
        )
    END
);

-- name: head
-- The shard's epoch and its newest record, if there is one. $1 shard.
SELECT shards.epoch, newest.sequence, newest.hash
FROM payments.shards
LEFT JOIN LATERAL (
    SELECT sequence, hash
    FROM payments.journal_records
    WHERE journal_records.shard = shards.shard
    ORDER BY sequence DESC
    LIMIT 1
) AS newest ON true
WHERE shards.shard = $1;

-- name: heads
-- All shards' epochs and newest records as of one moment, so that of every append all records are among them or none.
SELECT shards.shard, shards.epoch, newest.sequence, newest.hash
FROM payments.shards
LEFT JOIN LATERAL (
    SELECT sequence, hash
    FROM payments.journal_records
    WHERE journal_records.shard = shards.shard
    ORDER BY sequence DESC
    LIMIT 1
) AS newest ON true
ORDER BY shards.shard;

-- name: count_newest_epochs
-- How many of these epochs are still their shard's newest. $1 shards, $2 epochs.
SELECT count(*)
FROM unnest($1::integer[], $2::bigint[]) AS held (shard, epoch)
JOIN payments.shards USING (shard, epoch);

-- name: read_page
-- The next records of a shard, as many as fit into a number of bytes, and at least one.
-- $1 shard, $2 after this sequence, $3 up to this one, $4 number of bytes.
SELECT sequence, hash, frame
FROM (
    SELECT sequence, hash, frame, sum(octet_length(frame)) OVER (ORDER BY sequence) - octet_length(frame) AS bytes_before
    FROM (
        SELECT sequence, hash, frame
        FROM payments.journal_records
        WHERE shard = $1 AND sequence > $2 AND sequence <= $3
        ORDER BY sequence
        LIMIT 1000
    ) AS candidates
) AS counted
WHERE bytes_before < $4
ORDER BY sequence;

-- name: tail
-- The next records of several shards in the order of their times, as many as fit into a number of bytes, and at least one. In this
-- order the projections' new payments go to the right end of their primary key, where an insertion needs no search.
-- $1 shards, $2 after these sequences, $3 number of records of each shard, $4 number of bytes.
SELECT shard, sequence, hash, frame
FROM (
    SELECT
        found.*,
        sum(octet_length(frame)) OVER (ORDER BY found.recorded_at, found.shard, found.sequence) - octet_length(frame) AS bytes_before
    FROM unnest($1::integer[], $2::bigint[]) AS position (shard, after)
    CROSS JOIN LATERAL (
        SELECT journal_records.*
        FROM payments.journal_records
        WHERE journal_records.shard = position.shard AND journal_records.sequence > position.after
        ORDER BY sequence
        LIMIT $3
    ) AS found
) AS counted
WHERE bytes_before = 0 OR bytes_before + octet_length(frame) <= $4
ORDER BY recorded_at, shard, sequence;

-- name: read_record
-- One record. $1 shard, $2 sequence.
SELECT hash, frame FROM payments.journal_records WHERE shard = $1 AND sequence = $2;

-- name: appended_after
-- The next records of several shards, each with a number that it shares with the others of its append, in an order in which each
-- comes after what it needs: appends whole, as many as fit into a number of bytes, and at least one.
-- $1 shards, $2 after these sequences, $3 number of records of each shard, $4 number of bytes.
--
-- An append is one transaction, which the server has noted in xmin. The transaction of a record is numbered after the record before
-- it has been committed, so older transactions come first. (Ages are true for two thousand million transactions. This is for what
-- was left behind a moment ago; who asks for what is older than that finds records that do not follow, and is refused.) Of a shard with more records than asked for the rest is not known: an
-- append that is younger than its last record may be one of them in part, and so none younger is returned.
WITH candidates AS (
    SELECT found.*
    FROM unnest($1::integer[], $2::bigint[]) AS position (shard, after)
    CROSS JOIN LATERAL (
        SELECT shard, sequence, hash, frame, age(xmin) AS age, xmin::text::bigint AS append
        FROM payments.journal_records
        WHERE journal_records.shard = position.shard AND journal_records.sequence > position.after
        ORDER BY sequence
        LIMIT $3
    ) AS found
), known AS (
    SELECT coalesce(max(youngest), 0) AS age
    FROM (SELECT min(age) AS youngest FROM candidates GROUP BY shard HAVING count(*) = $3) AS cut_off
), counted AS (
    SELECT
        candidates.*,
        sum(octet_length(frame)) OVER (ORDER BY candidates.age DESC)
        - sum(octet_length(frame)) OVER (PARTITION BY candidates.age) AS bytes_before
    FROM candidates
    JOIN known ON candidates.age >= known.age
)
SELECT append, shard, sequence, hash, frame
FROM counted
WHERE bytes_before < $4
ORDER BY age DESC, shard, sequence;

-- name: restore
-- Put back records that another store has, all or none; nobody may write to these shards meanwhile.
-- $1 shards, $2 sequences, $3 epochs, $4 times, $5 hashes, $6 frames: arrays of the same length.
INSERT INTO payments.journal_records (shard, sequence, epoch, recorded_at, hash, frame)
SELECT * FROM unnest($1::integer[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bytea[], $6::bytea[]);

-- name: restore_epoch
-- Let the shard's next owner have a higher epoch than any before. $1 shard, $2 the newest epoch in the other store.
UPDATE payments.shards SET epoch = greatest(epoch, $2), host = NULL WHERE shard = $1;

-- Fills an empty read model with payments of one year, as many as the setting bench.payments says, between bench.accounts accounts.
-- Every 80 payments make one record on each of 8 shards. Accounts are used as by Zipf's law: number 1 by one payment in twenty of
-- a million accounts', number n by a nth of that. bench.legs is what the legs column of a split payment holds, in hexadecimal.

SELECT setseed(0.5);

INSERT INTO payments
SELECT
    1700000000000000 + made / 80 * (31536000000000 * 80 / current_setting('bench.payments')::bigint) AS at,
    made % 8 AS shard,
    made / 80 + 1 AS sequence,
    made / 8 % 10 AS index,
    CASE
        WHEN chance_status < 0.974 THEN 'succeeded'
        WHEN chance_status < 0.984 THEN 'voided'
        WHEN chance_status < 0.989 THEN 'expired'
        WHEN chance_status < 0.994 THEN 'refunded'
        WHEN chance_status < 0.9999 THEN 'partially_refunded'
        ELSE 'held'
    END AS status,
    'account-' || CASE WHEN made % 1000 <> 0 THEN source ELSE 1 END AS from_account,
    CASE WHEN made % 1000 <> 0 THEN 'account-' || CASE WHEN target = source THEN target + 1 ELSE target END END AS to_account,
    -- From 10 to 100,000 minor units, small ones more often, and in a million payments two of more than ten million.
    floor(10 ^ (1 + 4 * chance_amount))::bigint * CASE WHEN made % 500000 = 777 THEN 1000000 ELSE 1 END AS amount,
    -- The third currency was given up after a tenth of the year: its newest payment is far down the list.
    CASE
        WHEN made % 5 <> 0 THEN 'EUR'
        WHEN made % 50 = 0 AND made < current_setting('bench.payments')::bigint / 10 THEN 'CHF'
        ELSE 'USD'
    END AS currency,
    CASE WHEN made % 1000 = 0 THEN decode(current_setting('bench.legs'), 'hex') END AS legs,
    CASE WHEN chance_status >= 0.9999 THEN ARRAY[1::bigint] WHEN chance_status >= 0.974 THEN ARRAY[0::bigint] END AS held,
    CASE WHEN chance_status >= 0.989 THEN ARRAY[1::bigint] WHEN chance_status >= 0.974 THEN ARRAY[0::bigint] END AS captured,
    CASE WHEN chance_status >= 0.974 THEN ARRAY[0::bigint] END AS refunded,
    NULL::bigint AS expires_at,
    CASE WHEN made % 3 = 0 THEN 'order-' || made END AS reference,
    CASE
        WHEN made % 5 = 0 THEN jsonb_build_object(
            'channel', (ARRAY['web', 'app', 'shop'])[1 + made / 5 % 3],
            'campaign', CASE WHEN made % 1000 = 5 THEN 'spring' ELSE 'none' END,
            'customer', 'customer-' || made / 5 % (current_setting('bench.payments')::bigint / 100)
        )
    END AS metadata,
    made / 80 + 1 AS changed
FROM (
    SELECT
        made,
        floor(current_setting('bench.accounts')::double precision ^ random())::bigint AS source,
        floor(current_setting('bench.accounts')::double precision ^ random())::bigint AS target,
        random() AS chance_amount,
        random() AS chance_status
    FROM generate_series(0, current_setting('bench.payments')::bigint - 1) AS made
) AS drawn;

INSERT INTO payment_accounts
SELECT 'account-' || party, at, shard, sequence, index
FROM payments, generate_series(1, 3) AS party
WHERE legs IS NOT NULL;

-- Two lines for each payment, in the order in which a projector would write them. The balances are not real: no query looks at
-- whether they are, and running sums over all of them would take longer than everything else.
INSERT INTO entries
SELECT
    coalesce(account, 'account-2'), at, sequence, (index * 8 + shard) * 2 + side, 0, CASE side WHEN 0 THEN -amount ELSE amount END,
    sequence, 0, 0, at, shard, sequence, index
FROM payments, LATERAL (VALUES (0, from_account), (1, to_account)) AS line (side, account);

INSERT INTO positions
SELECT shard, current_setting('bench.payments')::bigint / 80 + 1, 0
FROM generate_series(0, 7) AS shard;

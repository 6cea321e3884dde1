-- Many payments in one call and one transaction, with the outcomes that make_payment would give one after the other, in that order.
-- If no key is known or repeated and every payer can pay all it is asked for before it receives anything, nothing can be refused:
-- then each table is written once. Otherwise the payments are made one by one.
CREATE FUNCTION make_payments(
    keys text[], payers text[], payees text[], asked bigint[], codes text[]
) RETURNS TABLE (payment_id bigint, refusal text) LANGUAGE plpgsql AS $$
DECLARE
    ids bigint[];
BEGIN
    PERFORM FROM accounts WHERE id = ANY (payers || payees) ORDER BY id FOR UPDATE;
    IF NOT cannot_refuse(keys, payers, payees, asked, codes) THEN
        FOR number IN 1 .. cardinality(keys) LOOP
            SELECT made.payment_id, made.refusal
            INTO make_payments.payment_id, make_payments.refusal
            FROM make_payment(keys[number], payers[number], payees[number], asked[number], codes[number]) AS made;
            RETURN NEXT;
        END LOOP;
        RETURN;
    END IF;
    ids := ARRAY(SELECT nextval('payments_id_seq') FROM generate_subscripts(keys, 1));
    INSERT INTO payments (id, idempotency_key, from_account, to_account, amount, currency)
    SELECT * FROM unnest(ids, keys, payers, payees, asked, codes);
    INSERT INTO entries (payment_id, account_id, amount)
    SELECT payment, payer, -amount FROM unnest(ids, payers, asked) AS debit (payment, payer, amount)
    UNION ALL
    SELECT payment, payee, amount FROM unnest(ids, payees, asked) AS credit (payment, payee, amount);
    UPDATE accounts SET balance = balance + changes.change
    FROM (
        SELECT account, sum(amount)::bigint AS change
        FROM (
            SELECT payer AS account, -amount AS amount FROM unnest(payers, asked) AS debit (payer, amount)
            UNION ALL
            SELECT payee, amount FROM unnest(payees, asked) AS credit (payee, amount)
        ) AS lines
        GROUP BY account
    ) AS changes
    WHERE accounts.id = changes.account;
    INSERT INTO outbox (payment_id) SELECT unnest(ids);
    RETURN QUERY SELECT made, NULL::text FROM unnest(ids) AS made;
END
$$;

-- Whether all these payments are certain to be accepted, in whatever order. The accounts must be locked.
CREATE FUNCTION cannot_refuse(
    keys text[], payers text[], payees text[], asked bigint[], codes text[]
) RETURNS boolean LANGUAGE sql AS $$
    SELECT
        NOT EXISTS (SELECT FROM payments WHERE idempotency_key = ANY (keys))
        AND (SELECT count(DISTINCT key) FROM unnest(keys) AS key) = cardinality(keys)
        AND NOT EXISTS (
            SELECT
            FROM unnest(payers, payees, codes) AS payment (payer, payee, code)
            LEFT JOIN accounts AS source ON source.id = payer
            LEFT JOIN accounts AS target ON target.id = payee
            WHERE payer = payee OR source.currency IS DISTINCT FROM code OR target.currency IS DISTINCT FROM code
        )
        AND NOT EXISTS (
            SELECT
            FROM (
                SELECT payer, sum(amount) AS amount FROM unnest(payers, asked) AS payment (payer, amount) GROUP BY payer
            ) AS spent
            JOIN accounts ON accounts.id = payer
            WHERE balance - amount < min_balance
        );
$$;

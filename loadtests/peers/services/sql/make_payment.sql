-- One payment in one call. Gives the payment's id, or why it is refused; a key that was used before gives the payment that it made.
-- Accounts are locked in the order of their ids, so no two calls can wait for each other.
CREATE FUNCTION make_payment(
    key text, payer text, payee text, asked bigint, code text, OUT payment_id bigint, OUT refusal text
) LANGUAGE plpgsql AS $$
DECLARE
    accounts_found bigint;
    is_same_currency boolean;
    is_short boolean;
    is_same_payment boolean;
BEGIN
    SELECT count(*), bool_and(currency = code), bool_or(id = payer AND balance - asked < min_balance)
    INTO accounts_found, is_same_currency, is_short
    FROM (
        SELECT id, currency, balance, min_balance FROM accounts WHERE id IN (payer, payee) ORDER BY id FOR UPDATE
    ) AS locked;
    refusal := CASE
        WHEN payer = payee THEN 'same_account'
        WHEN accounts_found < 2 THEN 'account_not_found'
        WHEN NOT is_same_currency THEN 'currency_mismatch'
        WHEN is_short THEN 'insufficient_funds'
    END;
    IF refusal IS NULL THEN
        INSERT INTO payments (idempotency_key, from_account, to_account, amount, currency)
        VALUES (key, payer, payee, asked, code)
        ON CONFLICT (idempotency_key) DO NOTHING
        RETURNING id INTO payment_id;
    END IF;
    IF payment_id IS NULL THEN
        SELECT id, (from_account, to_account, amount, currency) = (payer, payee, asked, code)
        INTO payment_id, is_same_payment
        FROM payments WHERE idempotency_key = key;
        IF is_same_payment THEN
            refusal := NULL;
        ELSIF NOT is_same_payment THEN
            payment_id := NULL;
            refusal := 'idempotency_key_reused';
        END IF;
        RETURN;
    END IF;
    INSERT INTO entries (payment_id, account_id, amount)
    VALUES (make_payment.payment_id, payer, -asked), (make_payment.payment_id, payee, asked);
    UPDATE accounts SET balance = balance + CASE id WHEN payer THEN -asked ELSE asked END WHERE id IN (payer, payee);
    INSERT INTO outbox (payment_id) VALUES (make_payment.payment_id);
END
$$;

-- How much waits for each endpoint, as the sender saw it last: counting takes a while where there is much.
ALTER TABLE payments.webhook_endpoints
    ADD COLUMN waiting bigint NOT NULL DEFAULT 0,
    ADD COLUMN waiting_since timestamptz; -- when the first of them was queued; null: nothing waits

-- Where a host takes messages, and the secret that has to be said there: for hosts and API replicas of any Ray cluster.
ALTER TABLE payments.hosts ADD COLUMN door bytea NOT NULL DEFAULT '';

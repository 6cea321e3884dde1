-- What a bridge counts of its own, by name: sums over all copies, like its other counts.
ALTER TABLE payments.bridges ADD COLUMN figures jsonb NOT NULL DEFAULT '{}';

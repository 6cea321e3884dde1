-- Once, as ledger_admin, in the database `payments` of the primary: the role as which the program logs in. It has no password, only tokens
-- of IAM that are good for a quarter of an hour. It makes its schemas itself, and owns nothing else.
CREATE ROLE payments LOGIN;
GRANT rds_iam TO payments;
GRANT CONNECT, CREATE, TEMPORARY ON DATABASE payments TO payments;

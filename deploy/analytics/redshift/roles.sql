-- Once, after tables.sql: the role of whoever loads. Redshift gives it to an IAM role with the tag RedshiftDbRoles=payments_loader.
CREATE ROLE payments_loader;
GRANT SELECT, INSERT, UPDATE, DELETE ON entries, events, loaded_manifests TO ROLE payments_loader;
GRANT TEMPORARY ON DATABASE records TO ROLE payments_loader;

DROP FUNCTION tenant_of_account(text, text, text);
DROP FUNCTION tenant_of_key(text, bytea);
ALTER TABLE tenant DROP COLUMN refold_revision;

DROP TABLE kept_answer;
DROP FUNCTION tenant_write_settings(uuid);
ALTER TABLE tenant DROP COLUMN require_if_match, DROP COLUMN strong_etags;

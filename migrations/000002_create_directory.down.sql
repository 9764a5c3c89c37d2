DROP FUNCTION refold_tenant(text, text, text);
DROP FUNCTION key_owner(text, bytea);
DROP TABLE secret;
DROP TABLE linked_account;
DROP TABLE api_key;
DROP TABLE tenant;
DROP FUNCTION tell_directory();

DROP FUNCTION owner_of_session(text, text, text, bigint, bigint, text);
DROP FUNCTION owner_of_key(text, bytea[]);
ALTER TABLE tenant DROP COLUMN limits;

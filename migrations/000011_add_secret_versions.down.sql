-- Programs of before know the first version alone: keys and tokens of another
-- would be unknown to them.
DO $$
BEGIN
    IF EXISTS (SELECT FROM secret_version WHERE version > 1) THEN
        RAISE EXCEPTION 'the secret was rotated, and a schema of before has no place for its versions';
    END IF;
END
$$;

DROP FUNCTION rehash_keys(uuid[], uuid[], bytea[], bytea[], integer[]);
DROP FUNCTION key_of_hashes(bytea[]);
ALTER TABLE api_key DROP COLUMN hash_version, DROP COLUMN next_hash, DROP COLUMN next_hash_version;
DROP TRIGGER secret_keep_first ON secret;
DROP FUNCTION keep_first_secret();
DROP TABLE secret_version;

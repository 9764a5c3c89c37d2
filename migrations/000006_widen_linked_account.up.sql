-- A linked account becomes a thing of its own: it has an id in the vendor's
-- shape, a name and its tenant's own fields. Programs of before insert three
-- columns alone, so each of the others has a default; the id's is what core
-- makes, the second of creation and then random bytes.
ALTER TABLE linked_account
    ADD COLUMN object_id  bytea NOT NULL DEFAULT
        decode(lpad(to_hex(extract(epoch FROM now())::bigint), 8, '0'), 'hex')
        || substring(decode(replace(gen_random_uuid()::text, '-', ''), 'hex') FROM 1 FOR 8)
        CONSTRAINT linked_account_object_id_check CHECK (octet_length(object_id) = 12),
    ADD COLUMN name       text,
    -- json, not jsonb: member order, duplicates and numbers come back as they came.
    ADD COLUMN udf        json,
    ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN version    bigint      NOT NULL DEFAULT 0
        CONSTRAINT linked_account_version_check CHECK (version >= 0);

UPDATE linked_account SET
    updated_at = created_at,
    object_id  = decode(lpad(to_hex(extract(epoch FROM created_at)::bigint), 8, '0'), 'hex') || substring(object_id FROM 5);

-- Lists. The condition holds for every row; see mcp_server's indexes for what it is for.
CREATE INDEX linked_account_order_idx ON linked_account (tenant_id, created_at, object_id) WHERE version >= 0;

-- Clients of a tenant keep its accounts themselves. Its policy stands since the
-- table was made.
GRANT SELECT, INSERT, UPDATE, DELETE ON linked_account TO diglot_runtime;

-- Whose a credential is does not depend on an account's name or fields, and a
-- product may write those at each login of a user. The function is another than
-- the other tables': that one makes jsonb of the row, which text with an escaped
-- U+0000 in udf can't become.
CREATE FUNCTION tell_account() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM pg_notify('diglot_directory', OLD.tenant_id::text);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM pg_notify('diglot_directory', NEW.tenant_id::text);
    END IF;
    RETURN NULL;
END
$$;

DROP TRIGGER linked_account_tell ON linked_account;
CREATE TRIGGER linked_account_tell AFTER INSERT OR DELETE OR UPDATE OF tenant_id, id ON linked_account
    FOR EACH ROW EXECUTE FUNCTION tell_account();

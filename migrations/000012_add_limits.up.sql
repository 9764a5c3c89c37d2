-- What a tenant may ask for and keep, as far as it is not the installation's to
-- say: an object whose members are core.Limits'. Absent members are no limits of
-- the tenant's own, so a new kind of limit needs no column.
ALTER TABLE tenant
    ADD COLUMN limits jsonb NOT NULL DEFAULT '{}'
        CONSTRAINT tenant_limits_check CHECK (jsonb_typeof(limits) = 'object');

-- How the runtime finds whose a credential is: a key's by its hashes, of which it
-- has one. The rows are given whole, so that
-- a column which is added later is in them without another function. Those of
-- before stay for programs of before and go in a later release.
CREATE FUNCTION owner_of_key(wanted_dialect text, wanted_hashes bytea[])
RETURNS TABLE (k api_key, t tenant)
LANGUAGE sql STABLE SECURITY DEFINER ROWS 1
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT k, t
    FROM api_key k
    JOIN tenant t ON t.id = k.tenant_id
    WHERE k.hash = ANY (wanted_hashes) AND k.dialect = wanted_dialect AND k.revoked_at IS NULL AND t.status = 'active';
END;

CREATE FUNCTION owner_of_session(
    wanted_org_id text, wanted_environment text, wanted_account text, issued bigint, expires bigint, wanted_key text
)
RETURNS SETOF tenant
LANGUAGE sql STABLE SECURITY DEFINER ROWS 1
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT t
    FROM tenant t
    WHERE t.refold_org_id = wanted_org_id AND t.refold_environment = wanted_environment AND t.status = 'active'
      AND session_lives(t.id, wanted_account, issued, expires, wanted_key);
END;

REVOKE EXECUTE ON FUNCTION owner_of_key(text, bytea[]) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION owner_of_session(text, text, text, bigint, bigint, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION owner_of_key(text, bytea[]) TO diglot_runtime, diglot_operator;
GRANT EXECUTE ON FUNCTION owner_of_session(text, text, text, bigint, bigint, text) TO diglot_runtime, diglot_operator;

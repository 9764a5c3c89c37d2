CREATE OR REPLACE FUNCTION key_owner(wanted_dialect text, wanted_hash bytea)
RETURNS TABLE (
    key_id uuid, id uuid, name text, refold_org_id text, refold_environment text,
    cometchat_app_id text, cometchat_region text, url_template text, created_at timestamptz
)
LANGUAGE sql STABLE SECURITY DEFINER ROWS 1
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT k.id, t.id, t.name, t.refold_org_id, t.refold_environment,
           t.cometchat_app_id, t.cometchat_region, t.url_template, t.created_at
    FROM api_key k
    JOIN tenant t ON t.id = k.tenant_id
    WHERE k.hash = wanted_hash AND k.dialect = wanted_dialect;
END;

CREATE OR REPLACE FUNCTION tenant_of_key(wanted_dialect text, wanted_hash bytea)
RETURNS TABLE (
    key_id uuid, id uuid, name text, refold_org_id text, refold_environment text,
    cometchat_app_id text, cometchat_region text, url_template text, refold_revision text, created_at timestamptz
)
LANGUAGE sql STABLE SECURITY DEFINER ROWS 1
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT k.id, t.id, t.name, t.refold_org_id, t.refold_environment,
           t.cometchat_app_id, t.cometchat_region, t.url_template, t.refold_revision, t.created_at
    FROM api_key k
    JOIN tenant t ON t.id = k.tenant_id
    WHERE k.hash = wanted_hash AND k.dialect = wanted_dialect;
END;

DROP FUNCTION tenant_by_account(text, text, text);
DROP FUNCTION tenant_by_key(text, bytea);
ALTER TABLE tenant DROP COLUMN protect_servers, DROP COLUMN require_accounts;
-- Without its scope, a key that may do nothing would be one that may do everything.
DELETE FROM api_key WHERE scope <> 'fullAccess';
ALTER TABLE api_key DROP COLUMN scope;

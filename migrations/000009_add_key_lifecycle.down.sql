-- What was taken back from its holders must not become theirs again.
DO $$
BEGIN
    IF EXISTS (SELECT FROM tenant WHERE status <> 'active') THEN
        RAISE EXCEPTION 'a tenant is suspended or being deleted, and would be served again: resume it, or delete it, first';
    END IF;
END
$$;
DELETE FROM api_key WHERE revoked_at IS NOT NULL OR expires_at IS NOT NULL;

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
    WHERE k.hash = wanted_hash AND k.dialect = wanted_dialect AND k.scope = 'fullAccess';
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
    WHERE k.hash = wanted_hash AND k.dialect = wanted_dialect AND k.scope = 'fullAccess';
END;

CREATE OR REPLACE FUNCTION tenant_by_key(wanted_dialect text, wanted_hash bytea)
RETURNS TABLE (
    key_id uuid, key_scope text, key_created_at timestamptz,
    id uuid, name text, refold_org_id text, refold_environment text,
    cometchat_app_id text, cometchat_region text, url_template text, refold_revision text,
    require_accounts boolean, protect_servers boolean, created_at timestamptz
)
LANGUAGE sql STABLE SECURITY DEFINER ROWS 1
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT k.id, k.scope, k.created_at,
           t.id, t.name, t.refold_org_id, t.refold_environment,
           t.cometchat_app_id, t.cometchat_region, t.url_template, t.refold_revision,
           t.require_accounts, t.protect_servers, t.created_at
    FROM api_key k
    JOIN tenant t ON t.id = k.tenant_id
    WHERE k.hash = wanted_hash AND k.dialect = wanted_dialect;
END;

CREATE OR REPLACE FUNCTION refold_tenant(wanted_org_id text, wanted_environment text, wanted_account text)
RETURNS TABLE (
    id uuid, name text, refold_org_id text, refold_environment text,
    cometchat_app_id text, cometchat_region text, url_template text, created_at timestamptz
)
LANGUAGE sql STABLE SECURITY DEFINER ROWS 1
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT t.id, t.name, t.refold_org_id, t.refold_environment,
           t.cometchat_app_id, t.cometchat_region, t.url_template, t.created_at
    FROM tenant t
    JOIN linked_account a ON a.tenant_id = t.id AND a.id = wanted_account
    WHERE t.refold_org_id = wanted_org_id AND t.refold_environment = wanted_environment;
END;

CREATE OR REPLACE FUNCTION tenant_of_account(wanted_org_id text, wanted_environment text, wanted_account text)
RETURNS TABLE (
    id uuid, name text, refold_org_id text, refold_environment text,
    cometchat_app_id text, cometchat_region text, url_template text, refold_revision text, created_at timestamptz
)
LANGUAGE sql STABLE SECURITY DEFINER ROWS 1
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT t.id, t.name, t.refold_org_id, t.refold_environment,
           t.cometchat_app_id, t.cometchat_region, t.url_template, t.refold_revision, t.created_at
    FROM tenant t
    JOIN linked_account a ON a.tenant_id = t.id AND a.id = wanted_account
    WHERE t.refold_org_id = wanted_org_id AND t.refold_environment = wanted_environment;
END;

CREATE OR REPLACE FUNCTION tenant_by_account(wanted_org_id text, wanted_environment text, wanted_account text)
RETURNS TABLE (
    id uuid, name text, refold_org_id text, refold_environment text,
    cometchat_app_id text, cometchat_region text, url_template text, refold_revision text,
    require_accounts boolean, protect_servers boolean, created_at timestamptz
)
LANGUAGE sql STABLE SECURITY DEFINER ROWS 1
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT t.id, t.name, t.refold_org_id, t.refold_environment,
           t.cometchat_app_id, t.cometchat_region, t.url_template, t.refold_revision,
           t.require_accounts, t.protect_servers, t.created_at
    FROM tenant t
    JOIN linked_account a ON a.tenant_id = t.id AND a.id = wanted_account
    WHERE t.refold_org_id = wanted_org_id AND t.refold_environment = wanted_environment;
END;

DROP TRIGGER api_key_tell ON api_key;
CREATE TRIGGER api_key_tell AFTER INSERT OR UPDATE OR DELETE ON api_key
    FOR EACH ROW EXECUTE FUNCTION tell_directory('tenant_id');

DROP FUNCTION note_key_uses(uuid[], uuid[], timestamptz[]);
DROP FUNCTION tenant_of_live_key(text, bytea);

DROP POLICY tenant_runtime ON tenant;
CREATE POLICY tenant_runtime ON tenant TO diglot_runtime
    USING (id = current_setting('app.tenant_id')::uuid)
    WITH CHECK (id = current_setting('app.tenant_id')::uuid);

ALTER TABLE tenant DROP COLUMN status;
DROP INDEX api_key_id_key;
ALTER TABLE api_key
    DROP COLUMN hint,
    DROP COLUMN expires_at,
    DROP COLUMN revoked_at,
    DROP COLUMN last_used_at;

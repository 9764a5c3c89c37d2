-- What a key may do where its dialect tells keys apart: CometChat's fullAccess
-- and authOnly. Refold's keys have the default.
ALTER TABLE api_key
    ADD COLUMN scope text NOT NULL DEFAULT 'fullAccess'
        CONSTRAINT api_key_scope_check CHECK (scope IN ('fullAccess', 'authOnly'));

-- Whether Refold's MCP routes check that the linked account beside a key exists,
-- and whether they keep session tokens from deleting servers.
ALTER TABLE tenant
    ADD COLUMN require_accounts boolean NOT NULL DEFAULT false,
    ADD COLUMN protect_servers  boolean NOT NULL DEFAULT false;

-- A function's columns can't be added to: these two say what tenant_of_key and
-- tenant_of_account do, and the new columns. Those go in a later release.
CREATE FUNCTION tenant_by_key(wanted_dialect text, wanted_hash bytea)
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

CREATE FUNCTION tenant_by_account(wanted_org_id text, wanted_environment text, wanted_account text)
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

REVOKE EXECUTE ON FUNCTION tenant_by_key(text, bytea) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION tenant_by_account(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenant_by_key(text, bytea) TO diglot_runtime, diglot_operator;
GRANT EXECUTE ON FUNCTION tenant_by_account(text, text, text) TO diglot_runtime, diglot_operator;

-- Programs of before know no scope, and would let a key that may do nothing do
-- everything. To them such a key is unknown.
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

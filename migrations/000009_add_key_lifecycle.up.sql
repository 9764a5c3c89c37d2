-- A key may expire, by the gateways' clocks, and be revoked, for good; either
-- way its row stays. The hint is the end of its value, for people to tell keys
-- apart; keys of before have none.
ALTER TABLE api_key
    ADD COLUMN hint         text NOT NULL DEFAULT '',
    ADD COLUMN expires_at   timestamptz,
    ADD COLUMN revoked_at   timestamptz,
    ADD COLUMN last_used_at timestamptz;

-- Operators name a key by its id alone.
CREATE UNIQUE INDEX api_key_id_key ON api_key (id);

-- The credentials of a tenant that is not active are unknown to gateways. One
-- that is being deleted stays so, also where the deletion was interrupted.
ALTER TABLE tenant
    ADD COLUMN status text NOT NULL DEFAULT 'active'
        CONSTRAINT tenant_status_check CHECK (status IN ('active', 'suspended', 'deleting'));

-- An insert looks for the tenant: it is to find no other than an active one, so
-- that nothing is added behind a deletion.
DROP POLICY tenant_runtime ON tenant;
CREATE POLICY tenant_runtime ON tenant TO diglot_runtime
    USING (id = current_setting('app.tenant_id')::uuid AND status = 'active')
    WITH CHECK (id = current_setting('app.tenant_id')::uuid AND status = 'active');

-- A function's columns can't be added to: this one says what tenant_by_key does,
-- and when the key expires. Whether it has is the caller's to say.
CREATE FUNCTION tenant_of_live_key(wanted_dialect text, wanted_hash bytea)
RETURNS TABLE (
    key_id uuid, key_scope text, key_hint text, key_created_at timestamptz, key_expires_at timestamptz,
    id uuid, name text, refold_org_id text, refold_environment text,
    cometchat_app_id text, cometchat_region text, url_template text, refold_revision text,
    require_accounts boolean, protect_servers boolean, created_at timestamptz
)
LANGUAGE sql STABLE SECURITY DEFINER ROWS 1
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT k.id, k.scope, k.hint, k.created_at, k.expires_at,
           t.id, t.name, t.refold_org_id, t.refold_environment,
           t.cometchat_app_id, t.cometchat_region, t.url_template, t.refold_revision,
           t.require_accounts, t.protect_servers, t.created_at
    FROM api_key k
    JOIN tenant t ON t.id = k.tenant_id
    WHERE k.hash = wanted_hash AND k.dialect = wanted_dialect AND k.revoked_at IS NULL AND t.status = 'active';
END;

-- When keys were last used: all that the runtime may write of a key. It never
-- goes back. Rows are locked in one order, so that gateways don't wait in a circle.
CREATE FUNCTION note_key_uses(tenant_ids uuid[], key_ids uuid[], used_at timestamptz[])
RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH used AS MATERIALIZED (
        SELECT k.tenant_id, k.id, u.used_at
        FROM unnest(tenant_ids, key_ids, used_at) AS u (tenant_id, id, used_at)
        JOIN api_key k ON k.tenant_id = u.tenant_id AND k.id = u.id
        WHERE k.last_used_at IS NULL OR k.last_used_at < u.used_at
        ORDER BY k.tenant_id, k.id
        FOR NO KEY UPDATE OF k
    )
    UPDATE api_key k SET last_used_at = GREATEST(k.last_used_at, used.used_at)
    FROM used
    WHERE k.tenant_id = used.tenant_id AND k.id = used.id;
END;

REVOKE EXECUTE ON FUNCTION tenant_of_live_key(text, bytea) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION note_key_uses(uuid[], uuid[], timestamptz[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenant_of_live_key(text, bytea) TO diglot_runtime, diglot_operator;
GRANT EXECUTE ON FUNCTION note_key_uses(uuid[], uuid[], timestamptz[]) TO diglot_runtime, diglot_operator;

-- Whose a credential is does not depend on when it was used.
DROP TRIGGER api_key_tell ON api_key;
CREATE TRIGGER api_key_tell
    AFTER INSERT OR DELETE OR UPDATE OF tenant_id, id, dialect, hash, scope, expires_at, revoked_at ON api_key
    FOR EACH ROW EXECUTE FUNCTION tell_directory('tenant_id');

-- Programs of before know no status, no expiry and no revocation: to them such a
-- credential is unknown. They may remember one for a minute after it expired.
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
    WHERE k.hash = wanted_hash AND k.dialect = wanted_dialect AND k.scope = 'fullAccess'
      AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now()) AND t.status = 'active';
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
    WHERE k.hash = wanted_hash AND k.dialect = wanted_dialect AND k.scope = 'fullAccess'
      AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now()) AND t.status = 'active';
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
    WHERE k.hash = wanted_hash AND k.dialect = wanted_dialect
      AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now()) AND t.status = 'active';
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
    WHERE t.refold_org_id = wanted_org_id AND t.refold_environment = wanted_environment AND t.status = 'active';
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
    WHERE t.refold_org_id = wanted_org_id AND t.refold_environment = wanted_environment AND t.status = 'active';
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
    WHERE t.refold_org_id = wanted_org_id AND t.refold_environment = wanted_environment AND t.status = 'active';
END;

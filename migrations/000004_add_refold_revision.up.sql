-- Which generation of its API the Refold dialect answers a tenant's clients in.
ALTER TABLE tenant
    ADD COLUMN refold_revision text NOT NULL DEFAULT 'legacy'
        CONSTRAINT tenant_refold_revision_check CHECK (refold_revision IN ('legacy', 'v3'));

-- A function's columns can't be added to, and programs of before call key_owner
-- and refold_tenant: these two say the same and the revision. Those go in a
-- later release.
CREATE FUNCTION tenant_of_key(wanted_dialect text, wanted_hash bytea)
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

CREATE FUNCTION tenant_of_account(wanted_org_id text, wanted_environment text, wanted_account text)
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

REVOKE EXECUTE ON FUNCTION tenant_of_key(text, bytea) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION tenant_of_account(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenant_of_key(text, bytea) TO diglot_runtime, diglot_operator;
GRANT EXECUTE ON FUNCTION tenant_of_account(text, text, text) TO diglot_runtime, diglot_operator;

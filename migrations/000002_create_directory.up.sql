-- The directory: who the tenants are and what their credentials are. These
-- tables are what finds the tenant of a request, before there is one. So some
-- of their keys can't begin with the tenant: a name, an address and a key hash
-- belong to one tenant among all of them.
CREATE TABLE tenant (
    id                 uuid        NOT NULL,
    name               text        NOT NULL,
    refold_org_id      text,
    refold_environment text,
    cometchat_app_id   text,
    cometchat_region   text,
    url_template       text        NOT NULL DEFAULT '',
    created_at         timestamptz NOT NULL,
    CONSTRAINT tenant_pkey PRIMARY KEY (id),
    CONSTRAINT tenant_name_key UNIQUE (name),
    CONSTRAINT tenant_refold_key UNIQUE (refold_org_id, refold_environment),
    CONSTRAINT tenant_cometchat_key UNIQUE (cometchat_app_id, cometchat_region),
    CONSTRAINT tenant_refold_environment_check CHECK (refold_environment IN ('test', 'production')),
    CONSTRAINT tenant_refold_check CHECK ((refold_org_id IS NULL) = (refold_environment IS NULL)),
    CONSTRAINT tenant_cometchat_check CHECK ((cometchat_app_id IS NULL) = (cometchat_region IS NULL)),
    CONSTRAINT tenant_address_check CHECK (num_nonnulls(refold_org_id, cometchat_app_id) > 0)
);

CREATE TABLE api_key (
    tenant_id  uuid        NOT NULL,
    id         uuid        NOT NULL,
    dialect    text        NOT NULL,
    hash       bytea       NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT api_key_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT api_key_hash_key UNIQUE (hash),
    CONSTRAINT api_key_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (id) ON DELETE CASCADE,
    CONSTRAINT api_key_dialect_check CHECK (dialect IN ('refold', 'cometchat')),
    CONSTRAINT api_key_hash_check CHECK (octet_length(hash) = 32)
);

CREATE TABLE linked_account (
    tenant_id  uuid        NOT NULL,
    id         text        NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT linked_account_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT linked_account_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (id) ON DELETE CASCADE
);

-- The installation's secret: one row. Without material, the secret is kept
-- elsewhere and the fingerprint tells whether an instance was given the same.
CREATE TABLE secret (
    id          boolean NOT NULL DEFAULT true,
    material    bytea,
    fingerprint bytea   NOT NULL,
    CONSTRAINT secret_pkey PRIMARY KEY (id),
    CONSTRAINT secret_one_row_check CHECK (id)
);

-- FORCE: the owner of a table is held to its policies as well.
ALTER TABLE tenant ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenant FORCE ROW LEVEL SECURITY;
ALTER TABLE api_key ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_key FORCE ROW LEVEL SECURITY;
ALTER TABLE linked_account ENABLE ROW LEVEL SECURITY;
ALTER TABLE linked_account FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant_operator ON tenant TO diglot_operator USING (true) WITH CHECK (true);
CREATE POLICY api_key_operator ON api_key TO diglot_operator USING (true) WITH CHECK (true);
CREATE POLICY linked_account_operator ON linked_account TO diglot_operator USING (true) WITH CHECK (true);

-- The column is compared with the setting directly, without a sub-select:
-- Citus can then send it to a worker. Without the setting it is an error.
-- The runtime has next to no rights on these tables; the policies stand ready.
CREATE POLICY tenant_runtime ON tenant TO diglot_runtime
    USING (id = current_setting('app.tenant_id')::uuid)
    WITH CHECK (id = current_setting('app.tenant_id')::uuid);
CREATE POLICY api_key_runtime ON api_key TO diglot_runtime
    USING (tenant_id = current_setting('app.tenant_id')::uuid)
    WITH CHECK (tenant_id = current_setting('app.tenant_id')::uuid);
CREATE POLICY linked_account_runtime ON linked_account TO diglot_runtime
    USING (tenant_id = current_setting('app.tenant_id')::uuid)
    WITH CHECK (tenant_id = current_setting('app.tenant_id')::uuid);

GRANT SELECT, INSERT, UPDATE, DELETE ON tenant, api_key, linked_account, secret TO diglot_operator;
-- To refuse to serve with another secret than the database's keys were made with.
GRANT SELECT (fingerprint) ON secret TO diglot_runtime;

-- How the runtime finds the tenant of a credential: these two functions, with
-- their owner's rights, and nothing else. Bodies in the standard's form bind
-- their tables now, in this schema; the search_path is for whatever is looked
-- up later.
CREATE FUNCTION key_owner(wanted_dialect text, wanted_hash bytea)
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

CREATE FUNCTION refold_tenant(wanted_org_id text, wanted_environment text, wanted_account text)
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

REVOKE EXECUTE ON FUNCTION key_owner(text, bytea) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION refold_tenant(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION key_owner(text, bytea) TO diglot_runtime, diglot_operator;
GRANT EXECUTE ON FUNCTION refold_tenant(text, text, text) TO diglot_runtime, diglot_operator;

-- Gateways remember whose a credential is; this tells them of each tenant that
-- changed. The argument is the column that holds the tenant's id.
CREATE FUNCTION tell_directory() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM pg_notify('diglot_directory', to_jsonb(OLD) ->> TG_ARGV[0]);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM pg_notify('diglot_directory', to_jsonb(NEW) ->> TG_ARGV[0]);
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER tenant_tell AFTER INSERT OR UPDATE OR DELETE ON tenant
    FOR EACH ROW EXECUTE FUNCTION tell_directory('id');
CREATE TRIGGER api_key_tell AFTER INSERT OR UPDATE OR DELETE ON api_key
    FOR EACH ROW EXECUTE FUNCTION tell_directory('tenant_id');
CREATE TRIGGER linked_account_tell AFTER INSERT OR UPDATE OR DELETE ON linked_account
    FOR EACH ROW EXECUTE FUNCTION tell_directory('tenant_id');

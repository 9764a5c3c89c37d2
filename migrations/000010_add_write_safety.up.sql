-- Whether a tenant's clients get strong entity tags without asking, and whether
-- they may change a server or agent without saying which version of it they mean.
ALTER TABLE tenant
    ADD COLUMN strong_etags     boolean NOT NULL DEFAULT false,
    ADD COLUMN require_if_match boolean NOT NULL DEFAULT false;

-- A function's columns can't be added to: this one stands beside those that find
-- a tenant by a credential, and is joined to them.
CREATE FUNCTION tenant_write_settings(wanted_tenant uuid)
RETURNS TABLE (strong_etags boolean, require_if_match boolean)
LANGUAGE sql STABLE SECURITY DEFINER ROWS 1
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT t.strong_etags, t.require_if_match FROM tenant t WHERE t.id = wanted_tenant;
END;

REVOKE EXECUTE ON FUNCTION tenant_write_settings(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenant_write_settings(uuid) TO diglot_runtime, diglot_operator;

-- The answers to creations that named an idempotency key, for who asks again.
-- They expire by the gateways' clocks.
CREATE TABLE kept_answer (
    tenant_id  uuid        NOT NULL,
    scope      text        NOT NULL,
    key        text        NOT NULL,
    digest     bytea       NOT NULL,
    status     bigint      NOT NULL,
    body       bytea       NOT NULL,
    version    text        NOT NULL,
    view       text        NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT kept_answer_pkey PRIMARY KEY (tenant_id, scope, key),
    CONSTRAINT kept_answer_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (id) ON DELETE CASCADE,
    CONSTRAINT kept_answer_digest_check CHECK (length(digest) = 32),
    CONSTRAINT kept_answer_status_check CHECK (status >= 0)
);

-- For those to remove. The condition holds for every row; see mcp_server's indexes for what it is for.
CREATE INDEX kept_answer_expiry_idx ON kept_answer (tenant_id, expires_at) WHERE status >= 0;

ALTER TABLE kept_answer ENABLE ROW LEVEL SECURITY;
ALTER TABLE kept_answer FORCE ROW LEVEL SECURITY;

CREATE POLICY kept_answer_operator ON kept_answer TO diglot_operator USING (true) WITH CHECK (true);
CREATE POLICY kept_answer_runtime ON kept_answer TO diglot_runtime
    USING (tenant_id = current_setting('app.tenant_id')::uuid)
    WITH CHECK (tenant_id = current_setting('app.tenant_id')::uuid);

GRANT SELECT, INSERT, UPDATE, DELETE ON kept_answer TO diglot_runtime, diglot_operator;

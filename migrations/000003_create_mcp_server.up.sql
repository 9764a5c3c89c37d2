-- No foreign key to tenant: it would lock and write the tenant's row at every
-- insert, which cost more than the insert itself. An insert looks for the
-- tenant instead, and whoever deletes a tenant deletes its servers with it, in
-- steps that a million of them allow.
CREATE TABLE mcp_server (
    tenant_id       uuid        NOT NULL,
    id              bytea       NOT NULL,
    slug            text        NOT NULL,
    name            text        NOT NULL,
    -- SHA-256 of the name: a name has no length limit, an index entry has.
    name_digest     bytea       NOT NULL,
    -- true while the server holds its name against others that refuse to share
    -- one; else null, never false: the unique index takes nulls for different.
    name_claimed    boolean,
    description     text,
    url             text        NOT NULL DEFAULT '',
    icon            text        NOT NULL DEFAULT '',
    -- json, not jsonb: member order, duplicates and numbers come back as they came.
    suggestions     json,
    associated_apps json,
    resources       json,
    notebooks       json,
    chains          json,
    agent_name      text,
    primary_color   text,
    secondary_color text,
    base_prompt     text,
    safe_mode       boolean,
    place           bigint      NOT NULL,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    revision        bigint      NOT NULL DEFAULT 1,
    CONSTRAINT mcp_server_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT mcp_server_id_check CHECK (octet_length(id) = 12),
    CONSTRAINT mcp_server_slug_check CHECK (slug <> ''),
    CONSTRAINT mcp_server_name_digest_check CHECK (octet_length(name_digest) = 32),
    CONSTRAINT mcp_server_name_claimed_check CHECK (name_claimed),
    CONSTRAINT mcp_server_place_check CHECK (place >= 0)
);

-- The conditions hold for every row. They are there for the planner: each of
-- these indexes begins with the tenant, as the primary key does, and where the
-- average tenant has one server it takes them for equally good, whatever
-- follows the tenant. It would then read all servers of a big tenant to find
-- one of them. A query that doesn't repeat an index's condition can't use it.
CREATE UNIQUE INDEX mcp_server_slug_key ON mcp_server (tenant_id, slug) WHERE slug <> '';
-- One index for two duties: its first columns find all servers of a name, and
-- of those that claim it there can be one.
CREATE UNIQUE INDEX mcp_server_name_key ON mcp_server (tenant_id, name_digest, name_claimed) WHERE name_digest <> '';
CREATE UNIQUE INDEX mcp_server_place_key ON mcp_server (tenant_id, place) WHERE place >= 0;

ALTER TABLE mcp_server ENABLE ROW LEVEL SECURITY;
ALTER TABLE mcp_server FORCE ROW LEVEL SECURITY;

CREATE POLICY mcp_server_operator ON mcp_server TO diglot_operator USING (true) WITH CHECK (true);
CREATE POLICY mcp_server_runtime ON mcp_server TO diglot_runtime
    USING (tenant_id = current_setting('app.tenant_id')::uuid)
    WITH CHECK (tenant_id = current_setting('app.tenant_id')::uuid);

GRANT SELECT, INSERT, UPDATE, DELETE ON mcp_server TO diglot_runtime, diglot_operator;
-- For the look at the tenant; row security shows each tenant its own id alone.
GRANT SELECT (id) ON tenant TO diglot_runtime;

-- No foreign key to tenant, for the reason that mcp_server has none.
--
-- An agent lists its servers by slug, which never changes, in one column: an
-- agent is read far more often than a server is deleted. The rules that a
-- table of links would bring with it hold all the same. Who lists a server
-- locks it first (FOR KEY SHARE), so that it can't be deleted until the list
-- is committed; and who deletes one takes it off the lists, in the trigger
-- below, which then sees that list. Servers are locked before agents, and
-- agents in order of place, so that nobody waits in a circle.
CREATE TABLE agent (
    tenant_id             uuid        NOT NULL,
    uid                   uuid        NOT NULL,
    name                  text        NOT NULL,
    -- The name as searches compare it, folded by the program: the database
    -- would fold by its own locale.
    name_folded           text        COLLATE "C" NOT NULL,
    icon                  text        NOT NULL DEFAULT '',
    active                boolean     NOT NULL,
    description           text,
    instruction           text,
    model                 text,
    mcp_servers           text[]      NOT NULL DEFAULT '{}',
    -- json, not jsonb: member order, duplicates and numbers come back as they came.
    tools                 json,
    api_tools             json,
    frontend_actions      json,
    files                 json,
    websites              json,
    other_kb_integrations json,
    metadata              json,
    model_metadata        json,
    place                 bigint      NOT NULL,
    created_at            timestamptz NOT NULL,
    updated_at            timestamptz NOT NULL,
    revision              bigint      NOT NULL DEFAULT 1,
    CONSTRAINT agent_pkey PRIMARY KEY (tenant_id, uid),
    CONSTRAINT agent_name_check CHECK (name <> ''),
    CONSTRAINT agent_place_check CHECK (place >= 0)
);

-- The condition holds for every row; see mcp_server's indexes for what it is for.
CREATE UNIQUE INDEX agent_place_key ON agent (tenant_id, place) WHERE place >= 0;

ALTER TABLE agent ENABLE ROW LEVEL SECURITY;
ALTER TABLE agent FORCE ROW LEVEL SECURITY;

CREATE POLICY agent_operator ON agent TO diglot_operator USING (true) WITH CHECK (true);
CREATE POLICY agent_runtime ON agent TO diglot_runtime
    USING (tenant_id = current_setting('app.tenant_id')::uuid)
    WITH CHECK (tenant_id = current_setting('app.tenant_id')::uuid);

GRANT SELECT, INSERT, UPDATE, DELETE ON agent TO diglot_runtime, diglot_operator;

-- It runs with the rights of whoever deletes the server, held to the same
-- tenant by row security. The table is looked up in the server's schema, and
-- so is the function's plan made anew; a deletion is rare enough.
CREATE FUNCTION unlist_mcp_server() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format(
        'WITH listing AS MATERIALIZED (
            SELECT uid FROM %1$I.agent
            WHERE tenant_id = $1 AND place >= 0 AND $2 = ANY (mcp_servers)
            ORDER BY place FOR NO KEY UPDATE
        )
        UPDATE %1$I.agent AS a SET mcp_servers = array_remove(a.mcp_servers, $2)
        FROM listing WHERE a.tenant_id = $1 AND a.uid = listing.uid',
        TG_TABLE_SCHEMA) USING OLD.tenant_id, OLD.slug;
    RETURN NULL;
END
$$;

CREATE TRIGGER mcp_server_unlist AFTER DELETE ON mcp_server
    FOR EACH ROW EXECUTE FUNCTION unlist_mcp_server();

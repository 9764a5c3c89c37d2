-- Who changed what, when and through what: one entry for each change of a row,
-- written by the tables' own triggers, so that no path passes it by, psql
-- included. History begins here: what there is already has no entries.
--
-- Whoever changes something waits for nobody: an entry is put in a queue, in the
-- transaction of its change, and into its tenant's chain behind that, by
-- chain_changes, which each instance calls soon after and each reader before.
--
-- A tenant's entries are a chain: each has the hash of what it says and of the
-- hash before it, see core.Change. The images of the row are in it by their
-- digests alone, so that they can be erased and the chain stays whole. The chain
-- of the nil UUID is the installation's: tenants that come and go, signing keys, versions of the secret.
CREATE TABLE change (
    tenant_id     uuid        NOT NULL,
    seq           bigint      NOT NULL,
    at            timestamptz NOT NULL,
    actor_kind    text        NOT NULL,
    actor         text        NOT NULL,
    dialect       text        NOT NULL,
    request_id    text        NOT NULL,
    action        text        NOT NULL,
    noun          text        NOT NULL,
    record        text        NOT NULL,
    revision      bigint,
    -- json, not jsonb: member order, duplicates and numbers come back as they came.
    before        json,
    after         json,
    before_digest bytea,
    after_digest  bytea,
    hash          bytea       NOT NULL,
    CONSTRAINT change_pkey PRIMARY KEY (tenant_id, seq),
    CONSTRAINT change_seq_check CHECK (seq > 0),
    CONSTRAINT change_actor_kind_check CHECK (actor_kind IN ('key', 'session', 'operator', 'database'))
);

-- The history of one record.
CREATE INDEX change_record_idx ON change (tenant_id, record, seq) WHERE seq > 0;
-- The images to erase, oldest first; an erased one leaves the index.
CREATE INDEX change_image_idx ON change (at) WHERE before IS NOT NULL OR after IS NOT NULL;

-- The runtime has no right here at all: its changes are entered by the triggers,
-- with their owner's rights. An operator may erase images, and remove entries
-- where a tenant is deleted, but rewrite nothing.
ALTER TABLE change ENABLE ROW LEVEL SECURITY;
ALTER TABLE change FORCE ROW LEVEL SECURITY;
CREATE POLICY change_operator ON change TO diglot_operator USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, DELETE, UPDATE (before, after) ON change TO diglot_operator;

-- A moment as text, the same in every session: microseconds, UTC.
CREATE FUNCTION change_time(at timestamptz) RETURNS text
LANGUAGE sql STABLE
RETURN to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');

-- The entries that are in no chain yet. Nobody has a right here but the functions.
CREATE TABLE change_queue (
    id        bigint      GENERATED ALWAYS AS IDENTITY,
    tenant_id uuid        NOT NULL,
    at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor     text, -- app.actor
    login     text        NOT NULL DEFAULT session_user,
    action    text        NOT NULL,
    noun      text        NOT NULL,
    record    text        NOT NULL,
    revision  bigint,
    before    json,
    after     json,
    CONSTRAINT change_queue_pkey PRIMARY KEY (id)
);
ALTER TABLE change_queue ENABLE ROW LEVEL SECURITY;
ALTER TABLE change_queue FORCE ROW LEVEL SECURITY;
CREATE POLICY change_queue_operator ON change_queue TO diglot_operator USING (true) WITH CHECK (true);

-- Enters a change.
CREATE FUNCTION enter_change(
    of_tenant uuid, of_action text, of_noun text, of_record text, of_revision bigint, of_before json, of_after json
) RETURNS boolean
LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO change_queue (tenant_id, actor, action, noun, record, revision, before, after)
    VALUES (of_tenant, current_setting('app.actor', true), of_action, of_noun, of_record, NULLIF(of_revision, 0), of_before, of_after);
    RETURN true;
END
$$;

-- Puts entries, the oldest first, into their chains, and gives how many; null
-- where it was not to wait and somebody else is at it. One at a time does it, and
-- looks only once it is alone: what it sees has been committed, so that of a
-- record's changes none is left behind that was before one that is taken.
--
-- app.actor is what the program says of who acts: kind, dialect, request id and
-- the actor's id, a line each. Where it says nothing, it is the login.
CREATE FUNCTION chain_changes(at_most integer, wait boolean) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
AS $$
DECLARE
    alone CONSTANT bigint := 4716083210985430013; -- of no meaning
    done           integer := 0;
    e              record;
    tenant         uuid;
    place          bigint;
    previous       bytea;
    who            text[];
    sha_before     bytea;
    sha_after      bytea;
    said_place     text;
    said_at        text;
    said_revision  text;
    hex_previous   text;
    hex_before     text;
    hex_after      text;
BEGIN
    IF wait THEN
        PERFORM pg_advisory_xact_lock(alone);
    ELSIF NOT pg_try_advisory_xact_lock(alone) THEN
        RETURN NULL;
    END IF;
    FOR e IN
        WITH taken AS (
            DELETE FROM change_queue q
            WHERE q.id IN (SELECT o.id FROM change_queue o ORDER BY o.id LIMIT at_most)
            RETURNING q.*
        )
        SELECT * FROM taken ORDER BY tenant_id, id
    LOOP
        IF tenant IS DISTINCT FROM e.tenant_id THEN
            tenant := e.tenant_id;
            SELECT c.seq, c.hash INTO place, previous FROM change c WHERE c.tenant_id = tenant ORDER BY c.seq DESC LIMIT 1;
            place := COALESCE(place, 0);
        END IF;
        place := place + 1;
        who := string_to_array(e.actor, E'\n');
        IF COALESCE(cardinality(who), 0) < 4 THEN
            who := ARRAY['database', '', '', e.login];
        ELSIF cardinality(who) > 4 THEN
            who[4] := array_to_string(who[4:], E'\n'); -- an account's id may have lines
        END IF;
        sha_before := sha256(convert_to(e.before::text, 'UTF8'));
        sha_after := sha256(convert_to(e.after::text, 'UTF8'));
        said_place := place::text;
        said_at := change_time(e.at);
        said_revision := COALESCE(e.revision::text, '');
        hex_previous := COALESCE(encode(previous, 'hex'), '');
        hex_before := COALESCE(encode(sha_before, 'hex'), '');
        hex_after := COALESCE(encode(sha_after, 'hex'), '');
        previous := sha256(convert_to(concat(
            octet_length(hex_previous), ':', hex_previous, ',36:', tenant, ',',
            octet_length(said_place), ':', said_place, ',', octet_length(said_at), ':', said_at, ',',
            octet_length(who[1]), ':', who[1], ',', octet_length(who[4]), ':', who[4], ',',
            octet_length(who[2]), ':', who[2], ',', octet_length(who[3]), ':', who[3], ',',
            octet_length(e.action), ':', e.action, ',', octet_length(e.noun), ':', e.noun, ',',
            octet_length(e.record), ':', e.record, ',', octet_length(said_revision), ':', said_revision, ',',
            octet_length(hex_before), ':', hex_before, ',', octet_length(hex_after), ':', hex_after, ','), 'UTF8'));
        INSERT INTO change (tenant_id, seq, at, actor_kind, actor, dialect, request_id, action, noun, record, revision,
            before, after, before_digest, after_digest, hash)
        VALUES (tenant, place, e.at, who[1], who[4], who[2], who[3], e.action, e.noun, e.record, e.revision,
            e.before, e.after, sha_before, sha_after, previous);
        done := done + 1;
    END LOOP;
    RETURN done;
END
$$;

-- What an update changed, as two JSON objects of the members that differ; null
-- where none does. Values come as JSON text, null for null: whatever nests in a
-- json column isn't read, which may have what PostgreSQL can keep and not read.
CREATE FUNCTION changed_members(names text[], old_values text[], new_values text[], OUT before json, OUT after json)
LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
    SELECT ('{' || string_agg('"' || m.name || '":' || COALESCE(m.old_value, 'null'), ',' ORDER BY m.i) || '}')::json,
           ('{' || string_agg('"' || m.name || '":' || COALESCE(m.new_value, 'null'), ',' ORDER BY m.i) || '}')::json
    FROM unnest(names, old_values, new_values) WITH ORDINALITY AS m (name, old_value, new_value, i)
    WHERE m.old_value IS DISTINCT FROM m.new_value;
END;

-- The same of whole rows, for tables without json columns.
CREATE FUNCTION changed_columns(old_row json, new_row json, OUT before json, OUT after json)
LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
    SELECT ('{' || string_agg('"' || o.key || '":' || o.value, ',' ORDER BY o.i) || '}')::json,
           ('{' || string_agg('"' || o.key || '":' || n.value, ',' ORDER BY o.i) || '}')::json
    FROM json_each(old_row) WITH ORDINALITY AS o (key, value, i)
    JOIN json_each(new_row) AS n ON n.key = o.key
    WHERE o.value::text <> n.value::text;
END;

-- The steps of a tenant's deletion have no entries: its chain goes with it.
CREATE FUNCTION change_is_kept(of_tenant uuid) RETURNS boolean
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN EXISTS (SELECT FROM tenant t WHERE t.id = of_tenant AND t.status <> 'deleting');
END
$$;

-- The image of a row that was made or removed. What is the database's own, a
-- digest to find a name by, or secret, a key's hash, is in none.
CREATE TYPE mcp_server_image AS (
    id text, slug text, name text, description text, url text, icon text,
    suggestions json, associated_apps json, resources json, notebooks json, chains json,
    agent_name text, primary_color text, secondary_color text, base_prompt text, safe_mode boolean,
    place bigint, created_at text, updated_at text, revision bigint
);
CREATE TYPE agent_image AS (
    uid uuid, name text, icon text, active boolean, description text, instruction text, model text, mcp_servers text[],
    tools json, api_tools json, frontend_actions json, files json, websites json, other_kb_integrations json,
    metadata json, model_metadata json,
    place bigint, created_at text, updated_at text, revision bigint
);
CREATE TYPE linked_account_image AS (
    id text, object_id text, name text, udf json, created_at text, updated_at text, version bigint
);
CREATE TYPE api_key_image AS (
    id uuid, dialect text, scope text, hint text, created_at text, expires_at text, revoked_at text
);
CREATE TYPE session_token_image AS (
    account text, issued_at bigint, expires_at bigint, key_id text, refresh_expires_at bigint, revoked_at text
);
CREATE TYPE secret_version_image AS (version integer, kept boolean, created_at text, retired_at text);

-- The triggers run with their owner's rights, so that the runtime needs none. A
-- call that is assigned takes half the time of one that is performed.
CREATE FUNCTION record_mcp_server() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
AS $$
DECLARE
    done    boolean;
    changed record;
BEGIN
    IF TG_OP = 'INSERT' THEN
        done := enter_change(NEW.tenant_id, CASE current_setting('app.undeletes', true) WHEN 'on' THEN 'undelete' ELSE 'create' END, 'mcp_server',
            encode(NEW.id, 'hex'), NEW.revision, NULL, row_to_json(ROW(
                encode(NEW.id, 'hex'), NEW.slug, NEW.name, NEW.description, NEW.url, NEW.icon,
                NEW.suggestions, NEW.associated_apps, NEW.resources, NEW.notebooks, NEW.chains,
                NEW.agent_name, NEW.primary_color, NEW.secondary_color, NEW.base_prompt, NEW.safe_mode,
                NEW.place, change_time(NEW.created_at), change_time(NEW.updated_at), NEW.revision)::mcp_server_image));
    ELSIF TG_OP = 'UPDATE' THEN
        changed := changed_members(ARRAY[
            'id', 'slug', 'name', 'description', 'url', 'icon',
            'suggestions', 'associated_apps', 'resources', 'notebooks', 'chains',
            'agent_name', 'primary_color', 'secondary_color', 'base_prompt', 'safe_mode',
            'place', 'created_at', 'updated_at', 'revision'
        ], ARRAY[
            to_json(encode(OLD.id, 'hex'))::text, to_json(OLD.slug)::text, to_json(OLD.name)::text, to_json(OLD.description)::text,
            to_json(OLD.url)::text, to_json(OLD.icon)::text,
            OLD.suggestions::text, OLD.associated_apps::text, OLD.resources::text, OLD.notebooks::text, OLD.chains::text,
            to_json(OLD.agent_name)::text, to_json(OLD.primary_color)::text, to_json(OLD.secondary_color)::text,
            to_json(OLD.base_prompt)::text, OLD.safe_mode::text,
            OLD.place::text, to_json(change_time(OLD.created_at))::text, to_json(change_time(OLD.updated_at))::text, OLD.revision::text
        ], ARRAY[
            to_json(encode(NEW.id, 'hex'))::text, to_json(NEW.slug)::text, to_json(NEW.name)::text, to_json(NEW.description)::text,
            to_json(NEW.url)::text, to_json(NEW.icon)::text,
            NEW.suggestions::text, NEW.associated_apps::text, NEW.resources::text, NEW.notebooks::text, NEW.chains::text,
            to_json(NEW.agent_name)::text, to_json(NEW.primary_color)::text, to_json(NEW.secondary_color)::text,
            to_json(NEW.base_prompt)::text, NEW.safe_mode::text,
            NEW.place::text, to_json(change_time(NEW.created_at))::text, to_json(change_time(NEW.updated_at))::text, NEW.revision::text
        ]);
        IF changed.after IS NOT NULL THEN
            done := enter_change(NEW.tenant_id, 'update', 'mcp_server', encode(NEW.id, 'hex'), NEW.revision, changed.before, changed.after);
        END IF;
    ELSIF change_is_kept(OLD.tenant_id) THEN
        done := enter_change(OLD.tenant_id, 'delete', 'mcp_server', encode(OLD.id, 'hex'), OLD.revision, row_to_json(ROW(
                encode(OLD.id, 'hex'), OLD.slug, OLD.name, OLD.description, OLD.url, OLD.icon,
                OLD.suggestions, OLD.associated_apps, OLD.resources, OLD.notebooks, OLD.chains,
                OLD.agent_name, OLD.primary_color, OLD.secondary_color, OLD.base_prompt, OLD.safe_mode,
                OLD.place, change_time(OLD.created_at), change_time(OLD.updated_at), OLD.revision)::mcp_server_image), NULL);
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION record_agent() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
AS $$
DECLARE
    done    boolean;
    changed record;
BEGIN
    IF TG_OP = 'INSERT' THEN
        done := enter_change(NEW.tenant_id, 'create', 'agent', NEW.uid::text, NEW.revision, NULL, row_to_json(ROW(
                NEW.uid, NEW.name, NEW.icon, NEW.active, NEW.description, NEW.instruction, NEW.model, NEW.mcp_servers,
                NEW.tools, NEW.api_tools, NEW.frontend_actions, NEW.files, NEW.websites, NEW.other_kb_integrations,
                NEW.metadata, NEW.model_metadata,
                NEW.place, change_time(NEW.created_at), change_time(NEW.updated_at), NEW.revision)::agent_image));
    ELSIF TG_OP = 'UPDATE' THEN
        changed := changed_members(ARRAY[
            'uid', 'name', 'icon', 'active', 'description', 'instruction', 'model', 'mcp_servers',
            'tools', 'api_tools', 'frontend_actions', 'files', 'websites', 'other_kb_integrations',
            'metadata', 'model_metadata', 'place', 'created_at', 'updated_at', 'revision'
        ], ARRAY[
            to_json(OLD.uid)::text, to_json(OLD.name)::text, to_json(OLD.icon)::text, OLD.active::text, to_json(OLD.description)::text,
            to_json(OLD.instruction)::text, to_json(OLD.model)::text, to_json(OLD.mcp_servers)::text,
            OLD.tools::text, OLD.api_tools::text, OLD.frontend_actions::text, OLD.files::text, OLD.websites::text,
            OLD.other_kb_integrations::text, OLD.metadata::text, OLD.model_metadata::text,
            OLD.place::text, to_json(change_time(OLD.created_at))::text, to_json(change_time(OLD.updated_at))::text, OLD.revision::text
        ], ARRAY[
            to_json(NEW.uid)::text, to_json(NEW.name)::text, to_json(NEW.icon)::text, NEW.active::text, to_json(NEW.description)::text,
            to_json(NEW.instruction)::text, to_json(NEW.model)::text, to_json(NEW.mcp_servers)::text,
            NEW.tools::text, NEW.api_tools::text, NEW.frontend_actions::text, NEW.files::text, NEW.websites::text,
            NEW.other_kb_integrations::text, NEW.metadata::text, NEW.model_metadata::text,
            NEW.place::text, to_json(change_time(NEW.created_at))::text, to_json(change_time(NEW.updated_at))::text, NEW.revision::text
        ]);
        IF changed.after IS NOT NULL THEN
            done := enter_change(NEW.tenant_id, 'update', 'agent', NEW.uid::text, NEW.revision, changed.before, changed.after);
        END IF;
    ELSIF change_is_kept(OLD.tenant_id) THEN
        done := enter_change(OLD.tenant_id, 'delete', 'agent', OLD.uid::text, OLD.revision, row_to_json(ROW(
                OLD.uid, OLD.name, OLD.icon, OLD.active, OLD.description, OLD.instruction, OLD.model, OLD.mcp_servers,
                OLD.tools, OLD.api_tools, OLD.frontend_actions, OLD.files, OLD.websites, OLD.other_kb_integrations,
                OLD.metadata, OLD.model_metadata,
                OLD.place, change_time(OLD.created_at), change_time(OLD.updated_at), OLD.revision)::agent_image), NULL);
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION record_linked_account() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
AS $$
DECLARE
    done    boolean;
    changed record;
BEGIN
    IF TG_OP = 'INSERT' THEN
        done := enter_change(NEW.tenant_id, 'create', 'linked_account', NEW.id, NEW.version, NULL, row_to_json(ROW(
                NEW.id, encode(NEW.object_id, 'hex'), NEW.name, NEW.udf,
                change_time(NEW.created_at), change_time(NEW.updated_at), NEW.version)::linked_account_image));
    ELSIF TG_OP = 'UPDATE' THEN
        changed := changed_members(ARRAY['id', 'object_id', 'name', 'udf', 'created_at', 'updated_at', 'version'], ARRAY[
            to_json(OLD.id)::text, to_json(encode(OLD.object_id, 'hex'))::text, to_json(OLD.name)::text, OLD.udf::text,
            to_json(change_time(OLD.created_at))::text, to_json(change_time(OLD.updated_at))::text, OLD.version::text
        ], ARRAY[
            to_json(NEW.id)::text, to_json(encode(NEW.object_id, 'hex'))::text, to_json(NEW.name)::text, NEW.udf::text,
            to_json(change_time(NEW.created_at))::text, to_json(change_time(NEW.updated_at))::text, NEW.version::text
        ]);
        IF changed.after IS NOT NULL THEN
            done := enter_change(NEW.tenant_id, 'update', 'linked_account', NEW.id, NEW.version, changed.before, changed.after);
        END IF;
    ELSIF change_is_kept(OLD.tenant_id) THEN
        done := enter_change(OLD.tenant_id, 'delete', 'linked_account', OLD.id, OLD.version, row_to_json(ROW(
                OLD.id, encode(OLD.object_id, 'hex'), OLD.name, OLD.udf,
                change_time(OLD.created_at), change_time(OLD.updated_at), OLD.version)::linked_account_image), NULL);
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION record_api_key() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
AS $$
DECLARE
    done    boolean;
    changed record;
BEGIN
    IF TG_OP = 'INSERT' THEN
        done := enter_change(NEW.tenant_id, 'create', 'api_key', NEW.id::text, NULL, NULL, row_to_json(ROW(
                NEW.id, NEW.dialect, NEW.scope, NEW.hint,
                change_time(NEW.created_at), change_time(NEW.expires_at), change_time(NEW.revoked_at))::api_key_image));
    ELSIF TG_OP = 'UPDATE' THEN
        changed := changed_columns(
            row_to_json(ROW(OLD.id, OLD.dialect, OLD.scope, OLD.hint,
                change_time(OLD.created_at), change_time(OLD.expires_at), change_time(OLD.revoked_at))::api_key_image),
            row_to_json(ROW(NEW.id, NEW.dialect, NEW.scope, NEW.hint,
                change_time(NEW.created_at), change_time(NEW.expires_at), change_time(NEW.revoked_at))::api_key_image));
        IF changed.after IS NOT NULL THEN
            done := enter_change(NEW.tenant_id,
                CASE WHEN OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL THEN 'revoke' ELSE 'update' END,
                'api_key', NEW.id::text, NULL, changed.before, changed.after);
        END IF;
    ELSIF change_is_kept(OLD.tenant_id) THEN
        done := enter_change(OLD.tenant_id, 'delete', 'api_key', OLD.id::text, NULL, row_to_json(ROW(
                OLD.id, OLD.dialect, OLD.scope, OLD.hint,
                change_time(OLD.created_at), change_time(OLD.expires_at), change_time(OLD.revoked_at))::api_key_image), NULL);
    END IF;
    RETURN NULL;
END
$$;

-- A session that is removed has expired or was revoked: that is no change.
CREATE FUNCTION record_session_token() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
AS $$
DECLARE
    done boolean;
BEGIN
    IF TG_OP = 'INSERT' THEN
        done := enter_change(NEW.tenant_id, 'issue', 'session_token', NEW.account, NULL, NULL, row_to_json(ROW(
                NEW.account, NEW.issued_at, NEW.expires_at, NEW.key_id, NEW.refresh_expires_at,
                change_time(NEW.revoked_at))::session_token_image));
    ELSE
        done := enter_change(NEW.tenant_id, 'revoke', 'session_token', NEW.account, NULL, row_to_json(ROW(
                OLD.account, OLD.issued_at, OLD.expires_at, OLD.key_id, OLD.refresh_expires_at,
                change_time(OLD.revoked_at))::session_token_image), row_to_json(ROW(
                NEW.account, NEW.issued_at, NEW.expires_at, NEW.key_id, NEW.refresh_expires_at,
                change_time(NEW.revoked_at))::session_token_image));
    END IF;
    RETURN NULL;
END
$$;

-- That a tenant comes, is about to go and is gone stands in the installation's
-- chain, which stays; what else becomes of it, in its own. Whole rows, so that
-- columns of later are in them: a tenant has nothing to hide.
CREATE FUNCTION record_tenant() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
AS $$
DECLARE
    installation CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
    done    boolean;
    changed record;
BEGIN
    IF TG_OP = 'INSERT' THEN
        done := enter_change(installation, 'create', 'tenant', NEW.id::text, NULL, NULL, row_to_json(NEW));
    ELSIF TG_OP = 'UPDATE' THEN
        changed := changed_columns(row_to_json(OLD), row_to_json(NEW));
        IF changed.after IS NOT NULL THEN
            done := enter_change(CASE 'deleting' WHEN OLD.status THEN installation WHEN NEW.status THEN installation ELSE NEW.id END,
                'update', 'tenant', NEW.id::text, NULL, changed.before, changed.after);
        END IF;
    ELSE
        DELETE FROM change_queue q WHERE q.tenant_id = OLD.id; -- first: it waits for who is putting them into the chain
        DELETE FROM change c WHERE c.tenant_id = OLD.id;
        done := enter_change(installation, 'delete', 'tenant', OLD.id::text, NULL, row_to_json(OLD), NULL);
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION record_signing_key() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
AS $$
DECLARE
    installation CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
    done    boolean;
    changed record;
BEGIN
    IF TG_OP = 'INSERT' THEN
        done := enter_change(installation, 'create', 'signing_key', NEW.id, NULL, NULL, row_to_json(NEW));
    ELSIF TG_OP = 'UPDATE' THEN
        changed := changed_columns(row_to_json(OLD), row_to_json(NEW));
        IF changed.after IS NOT NULL THEN
            done := enter_change(installation, CASE WHEN OLD.retired_at IS NULL AND NEW.retired_at IS NOT NULL THEN 'retire' ELSE 'update' END,
                'signing_key', NEW.id, NULL, changed.before, changed.after);
        END IF;
    ELSE
        done := enter_change(installation, 'delete', 'signing_key', OLD.id, NULL, row_to_json(OLD), NULL);
    END IF;
    RETURN NULL;
END
$$;

-- A version's material is in no image, nor what it can be told by.
CREATE FUNCTION record_secret_version() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
AS $$
DECLARE
    installation CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
    done    boolean;
    changed record;
    was     json;
    said    json;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        was := row_to_json(ROW(OLD.version, OLD.material IS NOT NULL, change_time(OLD.created_at), change_time(OLD.retired_at))::secret_version_image);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        said := row_to_json(ROW(NEW.version, NEW.material IS NOT NULL, change_time(NEW.created_at), change_time(NEW.retired_at))::secret_version_image);
    END IF;
    IF TG_OP = 'INSERT' THEN
        done := enter_change(installation, 'create', 'secret_version', NEW.version::text, NULL, NULL, said);
    ELSIF TG_OP = 'UPDATE' THEN
        changed := changed_columns(was, said);
        IF changed.after IS NOT NULL THEN
            done := enter_change(installation, CASE WHEN OLD.retired_at IS NULL AND NEW.retired_at IS NOT NULL THEN 'retire' ELSE 'update' END,
                'secret_version', NEW.version::text, NULL, changed.before, changed.after);
        END IF;
    ELSE
        done := enter_change(installation, 'delete', 'secret_version', OLD.version::text, NULL, was, NULL);
    END IF;
    RETURN NULL;
END
$$;

-- Whatever the caller's search_path is, they find this schema's tables; nobody
-- else may have them called by a trigger of his own. Times are written in UTC.
DO $$
DECLARE
    f text;
BEGIN
    FOREACH f IN ARRAY ARRAY['mcp_server', 'agent', 'linked_account', 'api_key', 'session_token', 'tenant', 'signing_key', 'secret_version'] LOOP
        EXECUTE format('ALTER FUNCTION record_%s() SET search_path = pg_catalog, %I, pg_temp', f, current_schema());
        EXECUTE format('REVOKE EXECUTE ON FUNCTION record_%s() FROM PUBLIC', f);
        IF f IN ('tenant', 'signing_key') THEN
            EXECUTE format('ALTER FUNCTION record_%s() SET TimeZone = ''UTC''', f);
        END IF;
    END LOOP;
    EXECUTE format('ALTER FUNCTION chain_changes(integer, boolean) SET search_path = pg_catalog, %I, pg_temp', current_schema());
    -- Plans are kept for as long as a connection lives: one that was made while there
    -- were few entries must not read them all later.
    ALTER FUNCTION chain_changes(integer, boolean) SET enable_seqscan = off;
END
$$;
REVOKE EXECUTE ON FUNCTION chain_changes(integer, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION chain_changes(integer, boolean) TO diglot_runtime, diglot_operator;
REVOKE EXECUTE ON FUNCTION enter_change(uuid, text, text, text, bigint, json, json) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION change_is_kept(uuid) FROM PUBLIC;

CREATE TRIGGER mcp_server_change AFTER INSERT OR UPDATE OR DELETE ON mcp_server
    FOR EACH ROW EXECUTE FUNCTION record_mcp_server();
CREATE TRIGGER agent_change AFTER INSERT OR UPDATE OR DELETE ON agent
    FOR EACH ROW EXECUTE FUNCTION record_agent();
CREATE TRIGGER linked_account_change AFTER INSERT OR UPDATE OR DELETE ON linked_account
    FOR EACH ROW EXECUTE FUNCTION record_linked_account();
-- When a key was used is no change, nor is how its value is kept.
CREATE TRIGGER api_key_change
    AFTER INSERT OR DELETE OR UPDATE OF tenant_id, id, dialect, scope, hint, created_at, expires_at, revoked_at ON api_key
    FOR EACH ROW EXECUTE FUNCTION record_api_key();
CREATE TRIGGER session_token_change AFTER INSERT OR UPDATE OF revoked_at ON session_token
    FOR EACH ROW EXECUTE FUNCTION record_session_token();
CREATE TRIGGER tenant_change AFTER INSERT OR UPDATE OR DELETE ON tenant
    FOR EACH ROW EXECUTE FUNCTION record_tenant();
CREATE TRIGGER signing_key_change AFTER INSERT OR UPDATE OR DELETE ON signing_key
    FOR EACH ROW EXECUTE FUNCTION record_signing_key();
CREATE TRIGGER secret_version_change AFTER INSERT OR UPDATE OR DELETE ON secret_version
    FOR EACH ROW EXECUTE FUNCTION record_secret_version();

-- The keys that session tokens are signed with, by the id that a token's header
-- names. None is here: each is derived from the installation's secret and its
-- id. The first one's tokens name no key; the newest that isn't retired signs.
CREATE TABLE signing_key (
    id         text        NOT NULL,
    created_at timestamptz NOT NULL,
    retired_at timestamptz,
    CONSTRAINT signing_key_pkey PRIMARY KEY (id),
    CONSTRAINT signing_key_id_check CHECK (id ~ '^[A-Za-z0-9_-]{0,64}$')
);

INSERT INTO signing_key (id, created_at) VALUES ('', '-infinity');

GRANT SELECT ON signing_key TO diglot_runtime;
GRANT SELECT, INSERT, UPDATE ON signing_key TO diglot_operator;

-- The sessions that tokens were issued for. A token is not kept, and need not
-- be: all that it is made of is the primary key, which stands in the token. Times
-- are seconds since the epoch, as tokens have them.
--
-- There is no foreign key to the account. The sessions of one that is deleted
-- stay, revoked, until they have expired: nobody can issue one a second time.
CREATE TABLE session_token (
    tenant_id          uuid   NOT NULL,
    account            text   NOT NULL,
    issued_at          bigint NOT NULL,
    expires_at         bigint NOT NULL,
    key_id             text   NOT NULL,
    refresh_expires_at bigint NOT NULL,
    revoked_at         timestamptz,
    CONSTRAINT session_token_pkey PRIMARY KEY (tenant_id, account, issued_at, expires_at, key_id),
    CONSTRAINT session_token_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (id) ON DELETE CASCADE,
    CONSTRAINT session_token_refresh_expires_at_check CHECK (refresh_expires_at >= expires_at AND refresh_expires_at >= 0)
);

-- For the session to give once more.
CREATE INDEX session_token_live_idx ON session_token (tenant_id, account, issued_at, expires_at) WHERE revoked_at IS NULL;
-- For those to remove. The condition holds for every row; see mcp_server's indexes for what it is for.
CREATE INDEX session_token_expiry_idx ON session_token (tenant_id, refresh_expires_at) WHERE refresh_expires_at >= 0;

ALTER TABLE session_token ENABLE ROW LEVEL SECURITY;
ALTER TABLE session_token FORCE ROW LEVEL SECURITY;

CREATE POLICY session_token_operator ON session_token TO diglot_operator USING (true) WITH CHECK (true);
CREATE POLICY session_token_runtime ON session_token TO diglot_runtime
    USING (tenant_id = current_setting('app.tenant_id')::uuid)
    WITH CHECK (tenant_id = current_setting('app.tenant_id')::uuid);

GRANT SELECT, INSERT, UPDATE, DELETE ON session_token TO diglot_runtime, diglot_operator;

-- Begins what a session does: says whose the transaction is, as SET LOCAL does
-- for an API key's, and ends the transaction where the session has ended. It runs
-- with its caller's rights, under row security, on its caller's search_path. It
-- is part of each request by a token: an assignment takes half the time that
-- PERFORM takes.
CREATE FUNCTION enter_session(wanted_tenant uuid, wanted_account text, issued bigint, expires bigint, wanted_key text)
RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    entered text;
    alive   boolean;
BEGIN
    entered := set_config('app.tenant_id', wanted_tenant::text, true);
    SELECT s.revoked_at IS NULL INTO alive
    FROM session_token s
    WHERE s.tenant_id = wanted_tenant AND s.account = wanted_account
      AND s.issued_at = issued AND s.expires_at = expires AND s.key_id = wanted_key;
    IF alive IS NOT TRUE THEN
        RAISE EXCEPTION 'the session has ended' USING ERRCODE = 'DG401';
    END IF;
END
$$;

-- For the runtime to find whose a session is, before there is a tenant: see the
-- directory's functions.
CREATE FUNCTION session_lives(wanted_tenant uuid, wanted_account text, issued bigint, expires bigint, wanted_key text)
RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT EXISTS (
        SELECT FROM session_token s
        WHERE s.tenant_id = wanted_tenant AND s.account = wanted_account
          AND s.issued_at = issued AND s.expires_at = expires AND s.key_id = wanted_key
          AND s.revoked_at IS NULL);
END;

REVOKE EXECUTE ON FUNCTION enter_session(uuid, text, bigint, bigint, text) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION session_lives(uuid, text, bigint, bigint, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION enter_session(uuid, text, bigint, bigint, text) TO diglot_runtime, diglot_operator;
GRANT EXECUTE ON FUNCTION session_lives(uuid, text, bigint, bigint, text) TO diglot_runtime, diglot_operator;

-- A session ends with its account, in the same transaction, whoever deletes it.
CREATE FUNCTION end_sessions() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format(
        'UPDATE %I.session_token SET revoked_at = now() WHERE tenant_id = $1 AND account = $2 AND revoked_at IS NULL',
        TG_TABLE_SCHEMA) USING OLD.tenant_id, OLD.id;
    RETURN NULL;
END
$$;

CREATE TRIGGER linked_account_end_sessions AFTER DELETE OR UPDATE OF tenant_id, id ON linked_account
    FOR EACH ROW EXECUTE FUNCTION end_sessions();

-- A new session is nobody's to forget, an expired one that is removed neither.
CREATE TRIGGER session_token_tell AFTER UPDATE OF revoked_at ON session_token
    FOR EACH ROW EXECUTE FUNCTION tell_account();

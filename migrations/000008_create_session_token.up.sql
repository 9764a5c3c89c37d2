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
-- A session lives while its row is there and not revoked, its account is still
-- the one that it was issued for (one that is made again has another object_id),
-- and its key is not retired. So an account or a key ends all its sessions by a
-- change of one row, however many they are, and none of theirs is touched. There
-- is no foreign key to either: the rows stay until they have expired, or were
-- revoked and the second they were issued in is past by every clock, so that
-- nobody can issue one a second time.
CREATE TABLE session_token (
    tenant_id          uuid   NOT NULL,
    account            text   NOT NULL,
    issued_at          bigint NOT NULL,
    expires_at         bigint NOT NULL,
    key_id             text   NOT NULL,
    refresh_expires_at bigint NOT NULL,
    account_object_id  bytea  NOT NULL,
    revoked_at         timestamptz,
    CONSTRAINT session_token_pkey PRIMARY KEY (tenant_id, account, issued_at, expires_at, key_id),
    CONSTRAINT session_token_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (id) ON DELETE CASCADE,
    CONSTRAINT session_token_refresh_expires_at_check CHECK (refresh_expires_at >= expires_at AND refresh_expires_at >= 0)
);

-- For the session to give once more: those of an account that is gone, and of a
-- retired key, are passed over without a look.
CREATE INDEX session_token_live_idx ON session_token (tenant_id, account, account_object_id, key_id, issued_at, expires_at)
    WHERE revoked_at IS NULL;
-- For those to remove. The condition holds for every row; see mcp_server's indexes for what it is for.
CREATE INDEX session_token_expiry_idx ON session_token (tenant_id, refresh_expires_at) WHERE refresh_expires_at >= 0;
CREATE INDEX session_token_revoked_idx ON session_token (tenant_id, issued_at) WHERE revoked_at IS NOT NULL;

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
    SELECT s.revoked_at IS NULL AND a.object_id = s.account_object_id AND k.retired_at IS NULL INTO alive
    FROM session_token s
    JOIN linked_account a ON a.tenant_id = s.tenant_id AND a.id = s.account
    JOIN signing_key k ON k.id = s.key_id
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
        JOIN linked_account a ON a.tenant_id = s.tenant_id AND a.id = s.account
        JOIN signing_key k ON k.id = s.key_id
        WHERE s.tenant_id = wanted_tenant AND s.account = wanted_account
          AND s.issued_at = issued AND s.expires_at = expires AND s.key_id = wanted_key
          AND COALESCE(s.revoked_at, 'infinity') = 'infinity' -- in words that only the primary key's index serves
          AND a.object_id = s.account_object_id AND k.retired_at IS NULL);
END;

REVOKE EXECUTE ON FUNCTION enter_session(uuid, text, bigint, bigint, text) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION session_lives(uuid, text, bigint, bigint, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION enter_session(uuid, text, bigint, bigint, text) TO diglot_runtime, diglot_operator;
GRANT EXECUTE ON FUNCTION session_lives(uuid, text, bigint, bigint, text) TO diglot_runtime, diglot_operator;

-- A new session is nobody's to forget, an expired one that is removed neither.
CREATE TRIGGER session_token_tell AFTER UPDATE OF revoked_at ON session_token
    FOR EACH ROW EXECUTE FUNCTION tell_account();

-- Gateways may remember sessions of a key that is retired, of any tenant: the
-- empty payload says that all may have changed.
CREATE FUNCTION tell_all() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM pg_notify('diglot_directory', '');
    RETURN NULL;
END
$$;

CREATE TRIGGER signing_key_tell AFTER UPDATE OF retired_at OR DELETE ON signing_key
    FOR EACH STATEMENT EXECUTE FUNCTION tell_all();

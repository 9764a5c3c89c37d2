-- The versions of the installation's secret: one is in use, or two while it is
-- rotated. Without material, a version is kept elsewhere, and the fingerprint
-- tells it apart. A retired one has no material any more.
CREATE TABLE secret_version (
    version     integer NOT NULL,
    material    bytea,
    fingerprint bytea   NOT NULL,
    created_at  timestamptz,
    retired_at  timestamptz,
    CONSTRAINT secret_version_pkey PRIMARY KEY (version),
    CONSTRAINT secret_version_fingerprint_key UNIQUE (fingerprint),
    CONSTRAINT secret_version_version_check CHECK (version > 0),
    CONSTRAINT secret_version_retired_check CHECK (retired_at IS NULL OR material IS NULL)
);

INSERT INTO secret_version (version, material, fingerprint) SELECT 1, material, fingerprint FROM secret;

GRANT SELECT, INSERT, UPDATE ON secret_version TO diglot_operator;
-- To know which version a secret is that an instance was given.
GRANT SELECT (version, fingerprint, retired_at) ON secret_version TO diglot_runtime;

-- Programs of before keep the first version in its table, and so do those of
-- now: whichever is first makes it.
CREATE FUNCTION keep_first_secret() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO secret_version (version, material, fingerprint, created_at)
    VALUES (1, NEW.material, NEW.fingerprint, now()) ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;

CREATE TRIGGER secret_keep_first AFTER INSERT ON secret FOR EACH ROW EXECUTE FUNCTION keep_first_secret();

-- A key is found by its hash under the oldest version in use, which every
-- instance knows, also one of before. The next hash is the one under the newest;
-- it takes the other's place when that one's version is retired.
ALTER TABLE api_key
    ADD COLUMN hash_version      integer NOT NULL DEFAULT 1,
    ADD COLUMN next_hash         bytea,
    ADD COLUMN next_hash_version integer,
    ADD CONSTRAINT api_key_next_hash_check CHECK (
        (next_hash IS NULL) = (next_hash_version IS NULL) AND octet_length(next_hash) = 32 AND next_hash_version > hash_version);

-- Which key has one of these hashes, of whatever tenant and status, and what is
-- kept beside it: nothing that its caller could not tell from the key's value.
CREATE FUNCTION key_of_hashes(wanted_hashes bytea[])
RETURNS TABLE (hash bytea, hash_version integer, next_hash bytea, next_hash_version integer)
LANGUAGE sql STABLE SECURITY DEFINER ROWS 1
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT k.hash, k.hash_version, k.next_hash, k.next_hash_version FROM api_key k WHERE k.hash = ANY (wanted_hashes);
END;

-- The next hashes of keys that were used while the secret is rotated. It changes
-- that alone, once, and only of a key whose hash the caller can tell. Rows are
-- locked in one order, as note_key_uses does.
CREATE FUNCTION rehash_keys(tenant_ids uuid[], key_ids uuid[], old_hashes bytea[], next_hashes bytea[], next_versions integer[])
RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH used AS MATERIALIZED (
        SELECT k.tenant_id, k.id, u.next_hash, u.next_version
        FROM unnest(tenant_ids, key_ids, old_hashes, next_hashes, next_versions) AS u (tenant_id, id, old_hash, next_hash, next_version)
        JOIN api_key k ON k.tenant_id = u.tenant_id AND k.id = u.id
        WHERE k.hash = u.old_hash AND k.hash_version < u.next_version AND k.next_hash IS NULL
        ORDER BY k.tenant_id, k.id
        FOR NO KEY UPDATE OF k
    )
    UPDATE api_key k SET next_hash = used.next_hash, next_hash_version = used.next_version
    FROM used
    WHERE k.tenant_id = used.tenant_id AND k.id = used.id;
END;

REVOKE EXECUTE ON FUNCTION key_of_hashes(bytea[]) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION rehash_keys(uuid[], uuid[], bytea[], bytea[], integer[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION key_of_hashes(bytea[]) TO diglot_runtime, diglot_operator;
GRANT EXECUTE ON FUNCTION rehash_keys(uuid[], uuid[], bytea[], bytea[], integer[]) TO diglot_runtime, diglot_operator;

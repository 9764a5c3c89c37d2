-- Two roles without login, granted to those who log in:
--   diglot_runtime   what serve runs as: one tenant at a time, by row security
--   diglot_operator  who may see all tenants: migrations, the command line
-- Roles belong to the whole cluster, so another database may have made them,
-- or may be making them at this moment.
DO $$
DECLARE
    r text;
BEGIN
    FOREACH r IN ARRAY ARRAY['diglot_runtime', 'diglot_operator'] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = r) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS', r);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL; -- made by another database meanwhile
            END;
        END IF;

        -- A login that is no superuser needs to have the roles: the operators'
        -- to pass row security on its own tables, the runtime's to step down to.
        -- On a shared cluster they may have been granted already. USAGE, because
        -- from PostgreSQL 16 on who creates a role is its member without that.
        IF NOT pg_has_role(current_user, r, 'USAGE') THEN
            BEGIN
                EXECUTE format('GRANT %I TO %I', r, current_user);
            EXCEPTION WHEN unique_violation THEN
                NULL; -- granted through another database meanwhile
            END;
        END IF;

        IF NOT has_schema_privilege(r, current_schema(), 'USAGE') THEN
            EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), r);
        END IF;
    END LOOP;
END
$$;

-- For readiness: is the schema the one this build needs?
GRANT SELECT ON schema_migrations TO diglot_runtime, diglot_operator;

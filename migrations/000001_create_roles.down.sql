-- The roles stay: they belong to the cluster, other databases may use them.
-- Without these grants they can be dropped by hand once no database does.
REVOKE SELECT ON schema_migrations FROM diglot_runtime, diglot_operator;

DO $$
BEGIN
    EXECUTE format('REVOKE USAGE ON SCHEMA %I FROM diglot_runtime, diglot_operator', current_schema());
END
$$;

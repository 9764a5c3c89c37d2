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

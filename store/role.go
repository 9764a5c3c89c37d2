package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// takeRole has the connection of a [Runtime] store act as diglot_runtime where
// its login may, and makes sure that whatever it acts as can't bypass row
// security; that of an [Operator] store is to see everything. Each connection
// is checked, since rights may change while a store is open.
func takeRole(ctx context.Context, conn *pgx.Conn, role Role) error {
	if role == Runtime {
		_, err := conn.Exec(ctx, "SET ROLE diglot_runtime")
		if err != nil && !isSQLState(err, insufficientPrivilege, invalidParameterValue) { // not a member; no such role
			return fmt.Errorf("step down to diglot_runtime: %w", err)
		}
	}
	r, err := actingRole(ctx, conn)
	switch {
	case err != nil:
		return err
	case len(r.tables) == 0:
		return errNoSchema
	case role == Runtime:
		return r.checkRuntime()
	default:
		return r.checkOperator()
	}
}

// roleRow is what the database says of the role that a connection acts as.
type roleRow struct {
	name                          string
	superuser, bypassRLS          bool
	operator, runtime             bool     // has those roles' rights
	unprotected, unforced, tables []string // of the tables that have tenants' rows
}

func actingRole(ctx context.Context, conn querier) (roleRow, error) {
	const q = `
		WITH tenant_table AS (
			SELECT c.relname::text AS name, c.relrowsecurity AS enabled, c.relforcerowsecurity AS forced,
			       pg_has_role(c.relowner, 'USAGE') AS owned
			FROM pg_class c
			JOIN pg_namespace n ON n.oid = c.relnamespace
			WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p')
			  AND (c.relname = 'tenant' OR EXISTS (
				SELECT FROM pg_attribute a
				WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped))
		)
		SELECT r.rolname::text, r.rolsuper, r.rolbypassrls,
		       EXISTS (SELECT FROM pg_roles o WHERE o.rolname = 'diglot_operator' AND pg_has_role(o.oid, 'USAGE')),
		       EXISTS (SELECT FROM pg_roles o WHERE o.rolname = 'diglot_runtime' AND pg_has_role(o.oid, 'USAGE')),
		       ARRAY(SELECT name FROM tenant_table WHERE NOT enabled ORDER BY name),
		       ARRAY(SELECT name FROM tenant_table WHERE enabled AND owned AND NOT forced ORDER BY name),
		       ARRAY(SELECT name FROM tenant_table ORDER BY name)
		FROM pg_roles r
		WHERE r.rolname = current_user`
	var r roleRow
	err := conn.QueryRow(ctx, q).Scan(
		&r.name, &r.superuser, &r.bypassRLS, &r.operator, &r.runtime, &r.unprotected, &r.unforced, &r.tables)
	if err != nil {
		return roleRow{}, fmt.Errorf("read rights of the database role: %w", err)
	}
	return r, nil
}

// checkOperator gives an error when row security would hide tenants from the
// role: it would seem to see all, and see none.
func (r *roleRow) checkOperator() error {
	if r.superuser || r.bypassRLS || r.operator {
		return nil
	}
	return fmt.Errorf("database role %s %w; use the login of the database's owner, or GRANT diglot_operator TO %s", r.name, ErrNotOperator, r.name)
}

// checkRuntime gives an error that says how the role could see other tenants'
// rows and what to do about it.
func (r *roleRow) checkRuntime() error {
	var reasons []string
	add := func(holds bool, reason string) {
		if holds {
			reasons = append(reasons, reason)
		}
	}
	add(r.superuser, "it is a superuser")
	add(r.bypassRLS, "it has BYPASSRLS")
	add(r.operator && !r.superuser, "it has the rights of diglot_operator, who sees all tenants")
	add(len(r.unprotected) > 0, "row security is off for "+strings.Join(r.unprotected, ", ")+
		" (ALTER TABLE … ENABLE ROW LEVEL SECURITY)")
	add(len(r.unforced) > 0 && !r.superuser, "it owns "+strings.Join(r.unforced, ", ")+
		" and row security isn't forced there (ALTER TABLE … FORCE ROW LEVEL SECURITY)")
	if len(reasons) > 0 {
		return fmt.Errorf("database role %s could see other tenants' rows: %s; "+
			"connect as a role that may step down to diglot_runtime (GRANT diglot_runtime TO its login)",
			r.name, strings.Join(reasons, "; "))
	}
	if !r.runtime {
		return fmt.Errorf("database role %s has no rights to the tenants' rows; GRANT diglot_runtime TO %s", r.name, r.name)
	}
	return nil
}

// ErrNotOperator is why an [Operator] store does not open for a login that may
// serve and no more.
var ErrNotOperator = errors.New("may not see all tenants")

var errNoSchema = errors.New("the database has no schema yet, or it isn't on the search_path: run diglot migrate up")

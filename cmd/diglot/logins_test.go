package main

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store/localpg"
)

// documentedLogins gives the statements of deploy/README.md that make the logins.
func documentedLogins(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../deploy/README.md")
	require.NoError(t, err)
	_, section, found := strings.Cut(string(text), "\n### Three logins\n")
	require.True(t, found)
	block := regexp.MustCompile("(?s)```sql\n(.*?)```").FindStringSubmatch(section)
	require.NotNil(t, block)
	return regexp.MustCompile(`(?m)^.+;$`).FindAllString(block[1], -1)
}

// The lines of the document, run on a cluster that knows nothing of Diglot, make
// logins that migrate, serve and operate, and that may do no more than is said.
func TestTheDocumentedLoginsSufficeAndMayDoNoMore(t *testing.T) {
	t.Parallel()
	cluster, err := localpg.Start(t.Context(), localpg.Options{Dir: t.TempDir(), Fast: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, cluster.Close()) })
	super := connectTo(t, cluster.URL("postgres"))
	_, err = super.Exec(t.Context(), "DROP DATABASE diglot")
	require.NoError(t, err)
	statements := documentedLogins(t)
	require.Len(t, statements, 11)
	for _, sql := range statements {
		_, err := super.Exec(t.Context(), strings.ReplaceAll(sql, "…", "a password"))
		require.NoError(t, err, sql)
	}
	login := func(name string) string {
		u, err := url.Parse(cluster.URL("diglot"))
		require.NoError(t, err)
		u.User = url.UserPassword(name, "a password")
		return u.String()
	}
	owner, gateway, operator := login("diglot_owner"), login("diglot_gateway"), login("diglot_admin")
	const secret = envSecret + "=a secret of this installation"
	_, stderr, err := diglot(t, []string{envDatabaseURL + "=" + owner}, "migrate", "up")
	require.NoError(t, err, stderr)
	operating := []string{envDatabaseURL + "=" + operator, secret}
	acme := makeTenant(t, operating, "acme", acmeOrg, acmeApp)
	ops := freeAddress(t)
	g := startGateway(t, []string{envDatabaseURL + "=" + gateway, envOperatorURL + "=" + operator, envAdminToken + "=" + adminToken, secret}, "--ops-addr", ops)
	acme.works(t, g, "one")
	c := adminClient(t, "http://"+ops)
	verified, err := c.VerifyChangesWithResponse(t.Context(), "acme", nil)
	require.NoError(t, err)
	require.True(t, verified.JSON200.Intact, "%s", verified.Body)
	for _, args := range [][]string{
		{"server", "revert", "one", "--tenant", "acme", "--revision", "1"}, {"signing-key", "rotate"}, {"secret", "list"}, {"migrate", "status"},
	} {
		_, stderr, err := diglot(t, operating, args...)
		require.NoError(t, err, "%v: %s", args, stderr)
	}
	acme.works(t, g, "two")
	bin, _, err := localpg.FindBinaries()
	require.NoError(t, err)
	dumped, err := exec.CommandContext(t.Context(), filepath.Join(bin, "pg_dump"), "--file="+filepath.Join(t.TempDir(), "dump"), owner).CombinedOutput()
	require.Error(t, err, "and leaves nothing out in silence")
	require.Contains(t, string(dumped), "row-level security")

	for name, denied := range map[string][]string{
		gateway: {
			"SELECT * FROM api_key", "SELECT * FROM change", "INSERT INTO change DEFAULT VALUES", "SELECT * FROM secret", "SELECT name FROM tenant",
			"SELECT * FROM signing_key; UPDATE signing_key SET retired_at = now()", "TRUNCATE mcp_server", "CREATE TABLE mine ()",
			"ALTER TABLE mcp_server DISABLE ROW LEVEL SECURITY", "SET ROLE diglot_operator", "SET ROLE diglot_owner", "CREATE ROLE mine",
			"CREATE SCHEMA mine", "CREATE TEMPORARY TABLE mine ()",
		},
		operator: {
			"UPDATE change SET hash = ''", "UPDATE change SET actor = 'another'", "TRUNCATE change", "CREATE TABLE mine ()",
			"DROP TABLE mcp_server", "ALTER TABLE change DISABLE TRIGGER ALL", "SET ROLE diglot_owner", "CREATE ROLE mine", "CREATE SCHEMA mine",
		},
		owner: {"CREATE ROLE mine", "CREATE DATABASE mine", "SET ROLE diglot"},
	} {
		for _, sql := range denied {
			conn := connectTo(t, name)
			_, err := conn.Exec(t.Context(), "SET app.tenant_id = '"+string(core.NewTenantID())+"'") // else row security refuses first
			require.NoError(t, err)
			_, err = conn.Exec(t.Context(), sql)
			var refused *pgconn.PgError
			require.ErrorAs(t, err, &refused, sql)
			require.Equal(t, "42501", refused.Code, "%s: %s", sql, refused.Message)
		}
	}
	// Row security shows the gateway nobody's servers until it says whose they are.
	var seen int
	conn := connectTo(t, gateway)
	_, err = conn.Exec(t.Context(), "SET app.tenant_id = '"+string(core.NewTenantID())+"'")
	require.NoError(t, err)
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT count(*) FROM mcp_server").Scan(&seen))
	require.Zero(t, seen)
	require.Equal(t, http.StatusOK, send(t, http.MethodGet, g.url+"/readyz", "").status)
}

func connectTo(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

package main

import (
	"encoding/hex"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/store/storetest"
)

// spill is what a program lets out where others can see it: its logs, answers
// that hand out no secret, what commands print, process lists.
type spill struct {
	strings.Builder

	secrets map[string]string // by what they are
}

func (s *spill) hear(texts ...string) {
	for _, text := range texts {
		s.WriteString(text)
		s.WriteByte('\n')
	}
}

// keep adds a secret; it is looked for as it is and as a URL has it.
func (s *spill) keep(name, value string) {
	s.secrets[name] = value
	s.secrets[name+" in a URL"] = url.QueryEscape(value)
}

func (s *spill) check(t *testing.T) {
	t.Helper()
	text := s.String()
	for name, value := range s.secrets {
		require.GreaterOrEqual(t, len(value), 12, "%s is too short to be looked for", name)
		if i := strings.Index(text, value); i >= 0 {
			require.Fail(t, name+" is seen", "…%s…", text[max(0, i-300):min(len(text), i+len(value)+100)])
		}
	}
}

// processes gives the command lines of this test's processes and their children,
// which every user sees, and the environments of the children, which hold what
// they were given.
func processes(t *testing.T, root int) string {
	t.Helper()
	var b strings.Builder
	parents := map[int]int{}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(t, err)
	for _, path := range stats {
		text, err := os.ReadFile(path)
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		_, rest, found := strings.Cut(string(text), ") ")
		if fields := strings.Fields(rest); err == nil && found && len(fields) > 1 {
			parents[pid], _ = strconv.Atoi(fields[1])
		}
	}
	for pid := range parents {
		below := pid
		for below != root && below != 0 {
			below = parents[below]
		}
		if below != root {
			continue
		}
		dir := filepath.Join("/proc", strconv.Itoa(pid))
		line, _ := os.ReadFile(filepath.Join(dir, "cmdline")) // it may have ended
		b.Write(line)
		b.WriteByte('\n')
		if pid != root { // who may read a process's environment is that user, or root
			environ, _ := os.ReadFile(filepath.Join(dir, "environ"))
			b.Write(environ)
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// Whatever goes wrong, at the most talkative level, no secret is seen where it
// was not handed out.
func TestNoSecretIsSeenWhateverGoesWrong(t *testing.T) {
	t.Parallel()
	const (
		material = "material-of-the-secret-4711"
		password = "pass word/of+the:database"
		wrong    = "a-wrong-credential-0815"
	)
	s := &spill{secrets: map[string]string{}}
	databaseURL := storetest.New(t)
	env := []string{envDatabaseURL + "=" + databaseURL, envSecret + "=" + material, envAdminToken + "=" + adminToken}
	m := makeTenant(t, env, "acme", acmeOrg, acmeApp)
	s.keep("the secret", material)
	s.keep("the database's password", password)
	s.keep("an admin token", adminToken)
	s.keep("a Refold key", m.refoldKey)
	s.keep("a CometChat key", m.cometChatKey)
	s.keep("a session token", m.token)
	s.keep("a wrong credential", wrong)
	s.keep("a value in a body", "a-value-in-a-body")
	ops := freeAddress(t)
	absent := closedDatabase(t, databaseURL, password)
	g := startGateway(t, env, "--ops-addr", ops, "--log-level", "debug")
	m.works(t, g, "one")
	conn := connectTo(t, databaseURL)
	rows, err := conn.Query(t.Context(), "SELECT hash FROM api_key UNION SELECT next_hash FROM api_key WHERE next_hash IS NOT NULL")
	require.NoError(t, err)
	for rows.Next() {
		var hash []byte
		require.NoError(t, rows.Scan(&hash))
		s.keep("a key's hash "+strconv.Itoa(len(s.secrets)), hex.EncodeToString(hash))
	}
	require.NoError(t, rows.Err())

	askAll(t, s, g.url, "http://"+ops, m, wrong)
	// Columns go: what was asked fails on the inside, with the database's own words.
	_, err = conn.Exec(t.Context(), "ALTER TABLE mcp_server RENAME COLUMN icon TO other; ALTER TABLE session_token RENAME COLUMN key_id TO other")
	require.NoError(t, err)
	askAll(t, s, g.url, "http://"+ops, m, wrong)
	s.hear(processes(t, g.cmd.Process.Pid))
	require.NoError(t, g.stop(t))
	s.hear(g.logged())

	runAll(t, s, env, m)
	for _, broken := range []string{
		absent, strings.Replace(absent, "postgres://", "postgres:///", 1), strings.Replace(absent, "@", "@%zz", 1), absent + "&sslmode=nonsense",
		"host=127.0.0.1 port=1 password='" + password + "'", "host=127.0.0.1 port=1 password='" + password, absent + "&connect_timeout=x",
	} {
		for _, args := range [][]string{{"tenant", "list"}, {"serve", "--addr", "127.0.0.1:0", "--ops-addr", "127.0.0.1:0", "--log-level", "debug"}} {
			stdout, stderr, err := diglot(t, []string{envDatabaseURL + "=" + broken, envSecret + "=" + material, envAdminToken + "=" + adminToken}, args...)
			require.Error(t, err)
			s.hear(stdout, stderr)
		}
	}
	for _, variable := range []string{envOperatorURL, envPooledURL} {
		_, stderr, err := diglot(t, append(env, variable+"="+absent), "serve", "--addr", "127.0.0.1:0", "--ops-addr", "127.0.0.1:0")
		require.Error(t, err)
		s.hear(stderr)
	}
	s.check(t)
}

// closedDatabase gives the URL of a database that isn't there, with a password.
func closedDatabase(t *testing.T, databaseURL, password string) string {
	t.Helper()
	u, err := url.Parse(databaseURL)
	require.NoError(t, err)
	u.User, u.Host = url.UserPassword("somebody", password), "127.0.0.1:1"
	u.RawQuery = "sslmode=disable"
	return u.String()
}

// askAll sends requests of all kinds, good ones and bad ones, and hears answers.
func askAll(t *testing.T, s *spill, gateway, ops string, m madeTenant, wrong string) {
	t.Helper()
	const refold, cometchat = "/api/v2/public/mcp-servers", "/v3/ai-agents/agent-builder/mcp-servers"
	credentials := [][]string{
		{"x-api-key", m.refoldKey, "linked_account_id", "customer@example.com"},
		{"Authorization", "Bearer " + m.token},
		{"apikey", m.cometChatKey},
		{"x-api-key", wrong},
		{"Authorization", "Bearer " + wrong},
		{"Authorization", "Basic " + wrong},
		{"apikey", wrong},
		{"apikey", m.refoldKey},
		{"x-api-key", m.cometChatKey},
		{"Authorization", "Bearer " + m.token[:len(m.token)-2] + "xx"},
		{"x-api-key", m.refoldKey + "\u00e9"},
		nil,
	}
	bodies := []string{
		`{"name":"a-value-in-a-body","description":"a-value-in-a-body"`, `{"name":{"a-value-in-a-body":1}}`, `["a-value-in-a-body"]`, "a-value-in-a-body",
		`{"name":"n","description":"d","x":"a-value-in-a-body` + "\xff" + `"}`,
	}
	hear := func(r reply) {
		s.hear(strconv.Itoa(r.status))
		for name, values := range r.header {
			s.hear(name + ": " + strings.Join(values, ","))
		}
	}
	for _, credential := range credentials {
		for _, path := range []string{refold, cometchat, "/api/v2/public/session-token", "/v3/nothing", "/nothing"} {
			query := "?apikey=" + url.QueryEscape(m.cometChatKey) + "&token=" + m.token
			r := send(t, http.MethodGet, gateway+path+query, "", credential...)
			hear(r)
			s.hear(r.body)
			for _, body := range bodies {
				hear(send(t, http.MethodPost, gateway+path, body, credential...)) // a refusal may quote the body to whoever sent it
			}
		}
	}
	authorized := []string{"Authorization", "Bearer " + adminToken}
	for _, path := range []string{
		"/tenants", "/tenants/acme", "/tenants/acme/keys", "/tenants/acme/accounts", "/tenants/acme/servers", "/tenants/acme/audit", "/audit",
		"/tenants/acme/audit/export", "/audit/export", "/signing-keys", "/tenants/acme/accounts/customer@example.com/sessions", "/nothing", "/tenants?token=" + adminToken,
	} {
		r := send(t, http.MethodGet, ops+"/admin/v1"+path, "", authorized...)
		if !strings.Contains(path, "?") {
			s.hear(r.body)
		}
		hear(r)
		r = send(t, http.MethodGet, ops+"/admin/v1"+path, "", "Authorization", "Bearer "+wrong)
		hear(r)
		s.hear(r.body)
	}
	for _, body := range []string{
		`{"dialect":"cometchat","keys":["` + wrong + `","` + wrong + `"]}`, `{"dialect":"refold","keys":["` + m.refoldKey + `"]}`, `{"keys":"` + m.refoldKey, `{"` + wrong + "\xff",
	} {
		r := send(t, http.MethodPost, ops+"/admin/v1/tenants/acme/keys/import", body, append(authorized, "Content-Type", "application/json")...)
		hear(r)
		s.hear(r.body)
	}
	s.hear(send(t, http.MethodGet, ops+"/metrics", "").body, send(t, http.MethodGet, gateway+"/readyz", "").body)
}

// runAll runs commands that show things, and some that fail, and hears them.
func runAll(t *testing.T, s *spill, env []string, m madeTenant) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "keys")
	require.NoError(t, os.WriteFile(file, []byte(m.cometChatKey+"\n"+m.cometChatKey+"\nsh ort\n"), 0o600))
	for _, args := range [][]string{
		{"tenant", "show", "acme"},
		{"key", "list", "--tenant", "acme", "-o", "json"},
		{"session", "list", "--tenant", "acme", "--account", "customer@example.com"},
		{"signing-key", "list"},
		{"secret", "list"},
		{"audit", "export", "--tenant", "acme"},
		{"audit", "export"},
		{"migrate", "status"},
		{"key", "import", "--tenant", "acme", "--dialect", "cometchat", "--file", file},
		{"server", "list", "--tenant", "acme"},
		{"__complete", "key", "show", ""},
		{"serve", "--addr", "nowhere", "--log-level", "debug"},
	} {
		stdout, stderr, _ := diglot(t, env, args...)
		s.hear(stdout, stderr)
	}
	for _, variable := range []string{envSecret + "=material-of-another", envPreviousSecret + "=material-of-another", envAdminToken + "=material of a token that is none"} {
		_, secret, _ := strings.Cut(variable, "=")
		s.keep("a refused secret "+strconv.Itoa(len(s.secrets)), secret)
		_, stderr, err := diglot(t, append(env, variable), "serve", "--addr", "127.0.0.1:0", "--ops-addr", "127.0.0.1:0")
		require.Error(t, err)
		s.hear(stderr)
	}
}

// The private PostgreSQL is given nothing: no variable of Diglot's, and no secret
// on its command line.
func TestThePrivateClusterIsGivenNoSecret(t *testing.T) {
	t.Parallel()
	s := &spill{secrets: map[string]string{}}
	s.keep("the secret", "material-of-the-secret-4711")
	s.keep("an admin token", adminToken)
	g := startGateway(t, []string{envSecret + "=material-of-the-secret-4711", envAdminToken + "=" + adminToken, "PGPASSWORD=password-of-postgres"},
		"--data-dir", t.TempDir(), "--ops-addr", freeAddress(t), "--log-level", "debug")
	s.keep("a password", "password-of-postgres")
	seen := processes(t, g.cmd.Process.Pid)
	require.Contains(t, seen, "postgres", "its processes are looked at")
	require.Contains(t, seen, "LC_ALL=C", "and their environments")
	require.NotContains(t, seen, "DIGLOT_")
	s.hear(seen)
	require.NoError(t, g.stop(t))
	s.hear(g.logged())
	s.check(t)
}

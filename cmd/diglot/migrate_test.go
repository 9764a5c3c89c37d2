package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store"
	"github.com/diglot/diglot/store/storetest"
)

func TestMigrateDownTakesNothingUnasked(t *testing.T) {
	t.Parallel()
	databaseURL := storetest.New(t)
	env := []string{envDatabaseURL + "=" + databaseURL}
	g := startGateway(t, env)
	running := func(want int) {
		t.Helper()
		require.Eventually(t, func() bool {
			n, err := store.Running(t.Context(), databaseURL)
			require.NoError(t, err)
			return n == want
		}, 20*time.Second, time.Millisecond)
	}
	running(1)
	_, stderr, err := diglot(t, env, "migrate", "down", "--yes")
	require.Error(t, err)
	require.Contains(t, stderr, "diglot: 1 gateway is running on this database")
	require.Contains(t, stderr, "hint: stop them first, or give --force")
	require.Equal(t, http.StatusOK, send(t, http.MethodGet, g.url+"/readyz", "").status)
	require.NoError(t, g.stop(t))
	running(0)

	head := diglotJSON(t, env, "migrate", "status")["head"].(float64)
	stdout, stderr, err := diglot(t, env, "migrate", "down", "--all")
	require.Error(t, err)
	require.Empty(t, stdout)
	require.Contains(t, stderr, "migration 13 (record changes): tables change_queue, change")
	require.Contains(t, stderr, "migration 1 (create roles): no data")
	require.Contains(t, stderr, "nobody is there to say")
	require.Contains(t, stderr, "hint: give --yes")
	require.InDelta(t, head, diglotJSON(t, env, "migrate", "status")["version"], 0)

	before := strconv.Itoa(int(head) - 1)
	for said, want := range map[string]string{"yes\n": "nothing was taken back", "": "nobody is there", before + "\n": ""} {
		var asked strings.Builder
		cmd := &cobra.Command{}
		cmd.SetIn(strings.NewReader(said))
		cmd.SetErr(&asked)
		err := mayGoDown(t.Context(), cmd, databaseURL, 1, false, false)
		require.Contains(t, asked.String(), "To go on, enter the version that the schema will have, "+before+": ")
		if want == "" {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, want)
		}
	}
	require.InDelta(t, head-1, diglotJSON(t, env, "migrate", "down", "--yes")["version"], 0)
	_, stderr, err = diglot(t, env, "tenant", "list")
	require.Error(t, err, "another's database is not moved by the way")
	require.Contains(t, stderr, "hint: run: diglot migrate up")
	require.InDelta(t, head, diglotJSON(t, env, "migrate", "up")["version"], 0)
}

func TestAPrivateDatabaseIsMadeByWhatBeginsWithOneAndSaid(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	for name, args := range map[string][]string{
		"nothing there": {"tenant", "show", "acme", "--data-dir", filepath.Join(dir, "none")},
		"another's":     {"key", "list", "--tenant", "acme", "--data-dir", dir},
		"the schema":    {"migrate", "status", "--data-dir", dir},
		"down":          {"migrate", "down", "--yes", "--data-dir", dir},
		"the secret":    {"secret", "rotate", "--data-dir", dir},
		"a move":        {"move", "plan", "--from", "tenant:acme", "--to", "file:" + filepath.Join(dir, "f"), "--run", filepath.Join(dir, "run"), "--data-dir", dir},
	} {
		_, stderr, err := diglot(t, nil, args...)
		require.Error(t, err, name)
		require.Contains(t, stderr, "diglot: there is no database in "+args[len(args)-1]+"\n", name)
		require.Contains(t, stderr, "hint: run it where serve was started, or give --data-dir or DIGLOT_DATABASE_URL", name)
	}
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, entry := range left {
		require.Equal(t, "run", entry.Name(), "no cluster was begun")
	}

	create := []string{"tenant", "create", "--name", "acme", "--cometchat-app", "a", "--cometchat-region", "us", "--data-dir", dir}
	_, stderr, err := diglot(t, nil, create...)
	require.NoError(t, err, stderr)
	require.Contains(t, stderr, "diglot: made a new database in "+dir+"\n")
	create[3], create[5] = "beta", "b"
	_, stderr, err = diglot(t, nil, create...)
	require.NoError(t, err)
	require.Empty(t, stderr, "it is there")

	head := diglotJSON(t, nil, "migrate", "status", "--data-dir", dir)["head"]
	_, stderr, err = diglot(t, nil, "migrate", "down", "--yes", "--data-dir", dir)
	require.NoError(t, err, stderr)
	_, stderr, err = diglot(t, nil, "tenant", "list", "--data-dir", dir)
	require.NoError(t, err, stderr)
	require.Contains(t, stderr, "diglot: brought the schema from version")
	require.InDelta(t, head, diglotJSON(t, nil, "migrate", "status", "--data-dir", dir)["version"], 0)

	served := dataDir(t)
	g := startGateway(t, nil, "--data-dir", served)
	require.Contains(t, g.logged(), `"msg":"made a new database in `+served+`"`)
}

func TestAHintIsAboutTheDatabaseThatIsInUse(t *testing.T) {
	away := &core.Error{Kind: core.Unavailable, Message: "the database can't be reached"}
	t.Setenv(envDatabaseURL, "")
	var h *hinted
	require.ErrorAs(t, explain(away), &h)
	require.Contains(t, h.hint, "the private PostgreSQL of --data-dir ended meanwhile")
	require.NotContains(t, h.hint, envDatabaseURL)
	t.Setenv(envDatabaseURL, "postgres://localhost/diglot")
	require.ErrorAs(t, explain(away), &h)
	require.Contains(t, h.hint, envDatabaseURL)
}

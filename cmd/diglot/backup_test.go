package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/store/localpg"
	"github.com/diglot/diglot/store/storetest"
)

// documentedBackups gives the blocks of deploy/README.md that dump and restore: of a
// database that is named, and of the private cluster.
func documentedBackups(t *testing.T) (dump, dumpPrivate, restore, restorePrivate string) {
	t.Helper()
	page, err := os.ReadFile("../../deploy/README.md")
	require.NoError(t, err)
	_, section, found := strings.Cut(string(page), "\n## Backups\n")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n## ")
	blocks := strings.Split(section, "```sh\n")[1:]
	require.Len(t, blocks, 4)
	for i := range blocks {
		blocks[i], _, found = strings.Cut(blocks[i], "```")
		require.True(t, found)
	}
	return blocks[0], blocks[1], blocks[2], blocks[3]
}

// shell gives what runs a script in a folder, with PostgreSQL's programs and diglot
// at hand.
func shell(t *testing.T, env []string) func(dir, script string) {
	t.Helper()
	bin, _, err := localpg.FindBinaries()
	require.NoError(t, err)
	own := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(own, "diglot"), []byte("#!/bin/sh\n"+asDiglot+"=1 exec '"+os.Args[0]+"' \"$@\"\n"), 0o700))
	env = append(append(cleanEnvironment(), "PATH="+own+":"+bin+":"+os.Getenv("PATH")), env...)
	return func(dir, script string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "sh", "-eux", "-c", script)
		cmd.Dir, cmd.Env = dir, env
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
}

// holds requires that a gateway serves what was dumped.
func (m madeTenant) holds(t *testing.T, g *gatewayProcess) {
	t.Helper()
	r := send(t, http.MethodGet, g.url+"/v3/ai-agents/agent-builder/mcp-servers/before", "", "apikey", m.cometChatKey)
	require.Equal(t, http.StatusOK, r.status, r.body)
	m.works(t, g, "after")
}

func TestTheDocumentedBackupIsRestored(t *testing.T) {
	t.Parallel()
	dump, _, restore, _ := documentedBackups(t)
	const secret = envSecret + "=the secret that is kept with it"
	was := []string{envDatabaseURL + "=" + storetest.NewEmpty(t), secret}
	m := makeTenant(t, was, "acme", acmeOrg, acmeApp)
	g := startGateway(t, was)
	m.works(t, g, "before")
	dir := t.TempDir()
	shell(t, was)(dir, dump)
	require.NoError(t, g.stop(t))

	restored := []string{envDatabaseURL + "=" + storetest.NewEmpty(t), secret}
	shell(t, restored)(dir, restore)
	m.holds(t, startGateway(t, restored))
	_, stderr, err := diglot(t, restored, "audit", "verify", "--tenant", "acme")
	require.NoError(t, err, stderr)
}

func TestTheDocumentedBackupOfAPrivateClusterIsRestored(t *testing.T) {
	t.Parallel()
	_, dump, _, restore := documentedBackups(t)
	was, restored := dataDir(t), dataDir(t)
	folder := func(of string) string { return filepath.Join(of, ".diglot") }
	m := makeTenant(t, nil, "acme", acmeOrg, acmeApp, "--data-dir", folder(was))
	g := startGateway(t, nil, "--data-dir", folder(was))
	m.works(t, g, "before")
	run := shell(t, nil)
	run(was, dump)
	require.NoError(t, g.stop(t))

	g = startGateway(t, nil, "--data-dir", folder(restored))
	require.NoError(t, os.Rename(filepath.Join(was, "diglot.dump"), filepath.Join(restored, "diglot.dump")))
	run(restored, restore)
	require.NoError(t, g.stop(t))
	m.holds(t, startGateway(t, nil, "--data-dir", folder(restored)))
	_, stderr, err := diglot(t, nil, "audit", "verify", "--tenant", "acme", "--data-dir", folder(restored))
	require.NoError(t, err, stderr)
}

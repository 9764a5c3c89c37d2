package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store/storetest"
)

// Each block of the runbook is run by a shell, in order, with the vendors'
// addresses in it replaced by those of stand-ins.
func TestTheRunbooksCommandsWork(t *testing.T) {
	t.Parallel()
	refold, chat := newStandIn(t, fastRate), newStandIn(t, fastRate)
	refold.fill(t, core.Refold, 3)
	chat.fill(t, core.CometChat, 3)
	newRefold, newRefoldKeys := refold.inProcess.tenant(t, "new", "6500a1b2c3d4e5f6a7b8c9d0", "unused")
	newChat, newChatKeys := chat.inProcess.tenant(t, "new", "6500a1b2c3d4e5f6a7b8c9d0", "new-app-id")

	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), mode))
	}
	write("refold.key", refold.keys["key"][1]+"\n", 0o600)
	write("cometchat.key", chat.keys["apikey"][1]+"\n", 0o600)
	write("new-refold.key", newRefoldKeys["key"][1]+"\n", 0o600)
	write("new-cometchat.key", newChatKeys["apikey"][1]+"\n", 0o600)
	write("diglot", "#!/bin/sh\n"+asDiglot+"=1 exec '"+os.Args[0]+"' \"$@\"\n", 0o700)
	env := append(cleanEnvironment(), envDatabaseURL+"="+storetest.NewEmpty(t), "PATH="+dir+":"+os.Getenv("PATH"))

	page, err := os.ReadFile("../../deploy/MOVING.md")
	require.NoError(t, err)
	blocks := strings.Split(string(page), "```sh\n")[1:]
	require.Len(t, blocks, 9)
	addresses := strings.NewReplacer("https://app.refold.ai", refold.url,
		"https://my-app-id.api-us.cometchat.io", chat.url, "https://new-app-id.api-us.cometchat.io", chat.url)
	for _, block := range blocks {
		script, _, ended := strings.Cut(block, "```")
		require.True(t, ended)
		cmd := exec.CommandContext(t.Context(), "sh", "-eux", "-c", addresses.Replace(script))
		cmd.Dir, cmd.Env = dir, env
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	n, err := refold.operator.TenantCounts(t.Context(), newRefold)
	require.NoError(t, err)
	require.Equal(t, 6, n.Servers, "both vendors' are there")
	n, err = chat.operator.TenantCounts(t.Context(), newChat)
	require.NoError(t, err)
	require.Zero(t, n.Servers, "that move was taken back")
	ids, err := os.ReadFile(filepath.Join(dir, "to-cometchat-ids.jsonl"))
	require.NoError(t, err)
	require.Equal(t, 7, strings.Count(string(ids), "\n"))
}

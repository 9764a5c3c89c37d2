package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/diglot/diglot/core"
)

// openTerminal gives both ends of a pseudo-terminal of 80 columns: what is read of
// the first is what is shown on the second.
func openTerminal(t *testing.T) (screen, terminal *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = screen.Close() })
	require.NoError(t, unix.IoctlSetPointerInt(int(screen.Fd()), unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetUint32(int(screen.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = terminal.Close() })
	require.NoError(t, unix.IoctlSetWinsize(int(terminal.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80}))
	return screen, terminal
}

func TestAMoveOnATerminalShowsABarAndElsewhereNone(t *testing.T) {
	t.Parallel()
	v := newStandIn(t, fastRate)
	v.fill(t, core.Refold, 20)
	move := func(stderr io.Writer) {
		cmd := diglotCommand(t.Context(), []string{envFromKey + "=" + v.keys["key"][1]}, "move", "apply", "--from", "refold:"+v.url,
			"--to", "file:"+filepath.Join(t.TempDir(), "records.jsonl"), "--from-account", testAccount, "--run", filepath.Join(t.TempDir(), "run"))
		cmd.Stderr = stderr
		require.NoError(t, cmd.Run())
	}
	screen, terminal := openTerminal(t)
	shown := make(chan []byte, 1)
	go func() {
		text, _ := io.ReadAll(screen) // ends with an error when nobody has the terminal any more
		shown <- text
	}()
	move(terminal)
	require.NoError(t, terminal.Close())
	text := string(<-shown)
	require.Contains(t, text, "100%")
	require.Contains(t, text, "(23/23", "each record is counted: servers, accounts and the key's own")
	require.Contains(t, text, "records/s")
	require.Greater(t, strings.Count(text, "\r"), 3, "it moves on in its place")
	require.Equal(t, "\r\n", text[len(text)-2:], "what comes next has a line of its own")
	require.NotContains(t, text, " left\r\n", "and there are no lines beside it")

	var plain bytes.Buffer
	move(&plain)
	require.NotContains(t, plain.String(), "\r")
	require.NotContains(t, plain.String(), "%")
}

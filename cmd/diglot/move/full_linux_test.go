package move_test

import (
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/move"
	"github.com/diglot/diglot/cmd/diglot/move/finding"
)

// asProcess is set where a test is a process of its own.
const asProcess = "DIGLOT_TEST_PROCESS"

// alone runs a test as a process of its own, of which nobody else writes files, and
// reports whether this is that one.
func alone(t *testing.T) bool {
	t.Helper()
	t.Parallel()
	if os.Getenv(asProcess) != "" {
		return true
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.v", "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), asProcess+"=1")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "--- PASS: "+t.Name())
	return false
}

// full has no file of the process be longer than so many bytes while do does its
// work, so that a line is written in part as on a disk that is full.
func full(t *testing.T, size int64, do func()) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ) // writing fails, rather than the process
	defer signal.Reset(syscall.SIGXFSZ)
	var was syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was))
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: uint64(size), Max: was.Max}))
	defer func() { require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was)) }()
	do()
}

func sizeOf(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	return info.Size()
}

func TestAJournalOutlivesADiskThatWasFull(t *testing.T) {
	if !alone(t) {
		return
	}
	entry := func(n int) move.Entry {
		return move.Entry{Record: finding.Record{Kind: finding.Server, ID: strconv.Itoa(n)}, State: move.Begun, At: now}
	}
	for room := int64(0); room < 100; room += 33 { // of a line of more
		dir := t.TempDir()
		path := filepath.Join(dir, "journal.jsonl")
		run, err := move.OpenRun(dir, "a", "b", now)
		require.NoError(t, err)
		require.NoError(t, run.Put(entry(1)))
		size := sizeOf(t, path)
		full(t, size+room, func() { err = run.Put(entry(2)) })
		require.ErrorIs(t, err, syscall.EFBIG)
		require.Equal(t, size, sizeOf(t, path), "there is no half line")
		require.ErrorIs(t, run.Put(entry(3)), syscall.EFBIG, "another worker's, when there is room again")
		require.ErrorIs(t, run.Set(move.Settings{AcceptLoss: true}), syscall.EFBIG)
		require.Zero(t, run.Settings())
		require.Len(t, run.Entries(), 1)
		require.NoError(t, run.Close())
		run, err = move.OpenRun(dir, "", "", now)
		require.NoError(t, err)
		require.Len(t, run.Entries(), 1)
		require.NoError(t, run.Put(entry(2)))
		require.NoError(t, run.Close())
		run, err = move.ReadRun(dir, "", "")
		require.NoError(t, err)
		require.Len(t, run.Entries(), 2)
	}
}

// The disk is full at any moment, of the journal or of the file that is written.
func TestAMoveToAFileGoesOnWhenTheDiskHasRoomAgain(t *testing.T) {
	if !alone(t) {
		return
	}
	from := newTenant(t)
	fill(t, from, 3)
	stops := 0
	for size := int64(0); ; size += 97 {
		dir := t.TempDir()
		run, err := move.OpenRun(dir, "a", "b", now)
		require.NoError(t, err)
		file := &move.FileTarget{Path: filepath.Join(dir, "acme.jsonl"), From: "x", Now: clock}
		e := &move.Engine{From: from, To: file, Run: run, Now: clock, Workers: 3}
		full(t, size, func() { err = e.Apply(t.Context()) })
		require.NoError(t, run.Close())
		if err == nil {
			break
		}
		stops++
		require.ErrorIs(t, err, syscall.EFBIG)
		e = newEngine(t, dir, from, file)
		require.NoError(t, e.Apply(t.Context()), "it stopped at %d bytes", size)
		require.Equal(t, 5, e.Run.Summary().Of(move.Done))
		require.NoError(t, (&move.File{Path: file.Path}).Check())
		v, err := e.Verify(t.Context())
		require.NoError(t, err)
		require.True(t, v.Good())
		require.NoError(t, e.Run.Close())
	}
	require.Greater(t, stops, 20)
}

package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/store"
	"github.com/diglot/diglot/store/localpg"
)

// smallDisk mounts a file system of so many bytes in memory. That takes rights
// that only root has, and not in every container.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := dataDir(t)
	err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "mode=0755,size="+size)
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
		t.Skip("a disk of its own can't be mounted here, so that it can't be filled: run as root; ",
			"TestAFullDiskIsAnswered503AndReadFrom has PostgreSQL say that it is full: ", err)
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	return dir
}

// fill takes all the space that is left.
func fill(t *testing.T, file string) {
	t.Helper()
	f, err := os.Create(file)
	require.NoError(t, err)
	_, err = io.Copy(f, zeros{})
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.NoError(t, f.Close())
}

type zeros struct{}

// Read gives zeros without end.
func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// The disk of the whole cluster is full, and has room again later: tables can't
// grow, nor can the log that a commit is written to, at which PostgreSQL gives up
// and starts again for as long as that takes.
func TestADiskThatIsFullIsAnswered503UntilItHasRoom(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t, "300m")
	cluster, err := localpg.Start(t.Context(), localpg.Options{Dir: filepath.Join(disk, "data")})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, cluster.Close()) })
	databaseURL := cluster.URL("diglot")
	require.NoError(t, store.Up(t.Context(), databaseURL))
	f := startFaulty(t, databaseURL)

	filler := filepath.Join(disk, "filler")
	fill(t, filler)
	f.refuses(t)
	require.NoError(t, os.Remove(filler))
	f.answers(t)
	f.serves(t)
	f.end(t)
}

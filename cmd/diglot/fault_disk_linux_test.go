package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// diskPlaces is a disk with a whole cluster on it. Tables can't grow when it is
// full, nor can the log that a commit is written to, at which PostgreSQL gives up
// and starts again for as long as that takes.
var diskPlaces = []place{{"a disk", smallDisk, []fault{
	{name: "is full until it has room", begin: (*faulty).fill, end: (*faulty).makeRoom},
}}}

// smallDisk mounts a file system of 300 MB in memory. That takes rights that only
// root has, and not in every container.
func smallDisk(t *testing.T) *faulty {
	t.Helper()
	dir := dataDir(t)
	err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "mode=0755,size=300m")
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
		t.Skip("a disk of its own can't be mounted here, so that it can't be filled: run as root; ",
			"elsewhere PostgreSQL says that it is full: ", err)
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	return startInCluster(t, filepath.Join(dir, "data"))
}

func (f *faulty) filler() string { return filepath.Join(filepath.Dir(f.dir), "filler") }

// fill takes all the space that is left.
func (f *faulty) fill(t *testing.T) {
	t.Helper()
	file, err := os.Create(f.filler())
	require.NoError(t, err)
	_, err = io.Copy(file, zeros{})
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.NoError(t, file.Close())
}

func (f *faulty) makeRoom(t *testing.T) {
	t.Helper()
	require.NoError(t, os.Remove(f.filler()))
	f.answers(t)
}

type zeros struct{}

// Read gives zeros without end.
func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

package storetest

import (
	"os"
	"path/filepath"
	"time"
)

const (
	tempPrefix = "diglot-test-"

	// memoryDir is in memory on Linux. A database is some 300 small files, and
	// making those is most of what a test's database costs: here it takes 30 ms,
	// on a slow disk half a second.
	memoryDir = "/dev/shm"

	// memoryNeeded is what a run takes with room to spare.
	memoryNeeded = 2 << 30

	// abandonedAfter is longer than any test run is given.
	abandonedAfter = time.Hour
)

// fastTempDir gives the folder for the server's data; "" is the system's own.
func fastTempDir() string {
	if os.Getenv("TMPDIR") == "" && bytesFree(memoryDir) >= memoryNeeded {
		return memoryDir
	}
	return ""
}

// removeAbandoned removes what runs left in memory that were killed. Their
// servers end by themselves, see localpg.
func removeAbandoned() {
	dirs, err := filepath.Glob(filepath.Join(memoryDir, tempPrefix+"*"))
	if err != nil {
		return
	}
	for _, dir := range dirs {
		if info, err := os.Stat(dir); err == nil && time.Since(info.ModTime()) > abandonedAfter {
			_ = os.RemoveAll(dir) // another user's stays
		}
	}
}

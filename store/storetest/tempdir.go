package storetest

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
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

	// abandonedAfter is longer than a server takes to start. One that runs is
	// never taken for abandoned: a story, or a soak, lasts for hours.
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
		if info, err := os.Stat(dir); err == nil && time.Since(info.ModTime()) > abandonedAfter && !serves(dir) {
			_ = os.RemoveAll(dir) // another user's stays
		}
	}
}

// serves reports whether there is a process by the number of the server that has
// its data in a folder.
func serves(dir string) bool {
	text, err := os.ReadFile(filepath.Join(dir, "pg", "postmaster.pid"))
	if err != nil {
		return false
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil || pid <= 0 {
		return false
	}
	process, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	err = process.Signal(syscall.Signal(0))
	return err == nil || errors.Is(err, os.ErrPermission)
}

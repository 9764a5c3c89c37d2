package localpg

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// isPostmaster tells a postmaster of this cluster from a process that has been
// given its number since, and from its zombie.
func isPostmaster(pid int, data string) bool {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return false
	}
	args := strings.Split(string(raw), "\x00")
	if filepath.Base(args[0]) != "postgres" {
		return false
	}
	if slices.Contains(args, data) {
		return true
	}
	// The folder may have been renamed since; a postmaster works inside its cluster.
	cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
	return err == nil && cwd == data
}

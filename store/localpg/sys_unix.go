//go:build unix && !solaris && !aix

package localpg

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// How PostgreSQL reads the signals: roll back and stop, stop as in a crash.
const (
	fastStop      = syscall.SIGINT
	immediateStop = syscall.SIGQUIT
)

func (a account) attributes() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if a.drop {
		attr.Credential = &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid), Groups: a.groups()} //nolint:gosec // ids of the system's own
	}
	return attr
}

// openOwn opens or creates a file of ours in the data folder. When root works in
// another user's folder, a symlink must not lead it elsewhere, and the file must
// stay usable to that user.
func openOwn(path string, flag int) (*os.File, error) {
	f, err := os.OpenFile(path, flag|os.O_CREATE|syscall.O_NOFOLLOW, 0o600) //nolint:gosec // the path is ours
	if err != nil || os.Geteuid() != 0 {
		return f, err
	}
	info, err := os.Stat(filepath.Dir(path))
	if err == nil {
		uid, gid := ownerOf(info)
		err = f.Chown(uid, gid)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// flock reports whether it got the lock.
func flock(f *os.File) (bool, error) {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, syscall.EWOULDBLOCK):
			return false, nil
		case !errors.Is(err, syscall.EINTR):
			return false, err
		}
	}
}

func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}

func kill(pid int, sig syscall.Signal) error { return syscall.Kill(pid, sig) }

func ownerOf(info fs.FileInfo) (uid, gid int) {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid), int(st.Gid)
	}
	return -1, -1
}

//go:build !unix || solaris || aix

package localpg

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// Here the package only compiles: Start fails at the lock, and says so.

const (
	fastStop      = syscall.SIGINT
	immediateStop = syscall.SIGQUIT
)

func (a account) attributes() *syscall.SysProcAttr { return nil }

func openOwn(path string, flag int) (*os.File, error) {
	return os.OpenFile(path, flag|os.O_CREATE, 0o600)
}

func flock(*os.File) (bool, error) {
	return false, errors.New("a private PostgreSQL cluster is not supported on this system; set DIGLOT_DATABASE_URL or use --memory")
}

func alive(int) bool { return false }

func kill(int, syscall.Signal) error { return errors.ErrUnsupported }

func ownerOf(fs.FileInfo) (uid, gid int) { return -1, -1 }

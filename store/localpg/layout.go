package localpg

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxSocketDir is what the shortest sun_path (104 bytes with its NUL, on macOS)
// leaves for the directory of ".s.PGSQL.5432".
const maxSocketDir = 89

// layout is where things are. The base has the cluster and is the data folder
// itself, or a folder elsewhere when the server's user cannot get into that.
type layout struct {
	dir  string // absolute, without symlinks
	base string
}

func (l layout) data() string { return filepath.Join(l.base, "pg") }
func (l layout) log() string  { return filepath.Join(l.dir, "postgres.log") }
func (l layout) hash() string {
	sum := sha256.Sum256([]byte(l.dir))
	return hex.EncodeToString(sum[:8])
}

// openDir creates the data folder and returns its one true name, by which its
// orphans are recognised.
func openDir(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("data folder: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(abs), 0o755); err != nil { //nolint:gosec // only the folder itself is private
		return "", fmt.Errorf("create the data folder: %w", err)
	}
	if err := os.Mkdir(abs, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("create the data folder: %w", err)
	}
	if abs, err = filepath.EvalSymlinks(abs); err != nil {
		return "", fmt.Errorf("data folder: %w", err)
	}
	return abs, nil
}

// begun reports whether a data folder has a cluster, or may be getting one. It
// changes nothing.
func begun(dir string) bool {
	for _, name := range []string{"pg", "moved", "lock"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

// locate finds the cluster that the folder already has, or says where it would be.
func locate(dir string) (layout, error) {
	l := layout{dir: dir, base: dir}
	raw, err := os.ReadFile(filepath.Join(dir, "moved")) //nolint:gosec // the path is ours
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return l, nil
	case err != nil:
		return l, fmt.Errorf("read where the cluster was moved to: %w", err)
	}
	l.base = strings.TrimSpace(string(raw))
	if info, err := os.Stat(l.base); err != nil || !info.IsDir() { //nolint:gosec // what we wrote there ourselves
		// A new cluster here would look like the loss of all data.
		return l, fmt.Errorf("the cluster of %s was kept in %q, which is gone; bring it back, or remove %s to begin anew",
			dir, l.base, filepath.Join(dir, "moved"))
	}
	return l, nil
}

// settle gives a new cluster a base that the account can reach.
func (l layout) settle(ctx context.Context, acct account, bin binaries, movedRoot string) (layout, error) {
	if !acct.drop || l.base != l.dir {
		return l, nil
	}
	if err := letPass(l.dir, acct); err != nil {
		return l, fmt.Errorf("let the server into the data folder: %w", err)
	}
	ok, err := acct.canEnter(ctx, bin, l.dir)
	if ok || err != nil {
		return l, err
	}
	if err := os.MkdirAll(movedRoot, 0o755); err != nil { //nolint:gosec // the clusters in it are private, the way to them is not
		return l, fmt.Errorf("create a folder for the cluster: %w", err)
	}
	// A new name each time: who removes the data folder wants an empty one next,
	// not the former cluster back.
	if l.base, err = os.MkdirTemp(movedRoot, l.hash()+"-"); err != nil {
		return l, fmt.Errorf("create a folder for the cluster: %w", err)
	}
	if err := letPass(l.base, acct); err != nil {
		return l, fmt.Errorf("let the server into %s: %w", l.base, err)
	}
	if ok, err := acct.canEnter(ctx, bin, l.base); !ok {
		return l, fmt.Errorf("user id %d can enter neither %s nor %s: %w", acct.uid, l.dir, l.base, errors.Join(err, fs.ErrPermission))
	}
	// Renamed into place, since half a path would name another folder.
	next := filepath.Join(l.dir, "moved.tmp")
	if err := os.WriteFile(next, []byte(l.base+"\n"), 0o600); err != nil {
		return l, fmt.Errorf("note where the cluster is: %w", err)
	}
	if err := os.Rename(next, filepath.Join(l.dir, "moved")); err != nil {
		return l, fmt.Errorf("note where the cluster is: %w", err)
	}
	return l, nil
}

// strays are clusters of a data folder of this name that was removed since. One of
// them may still run.
func (l layout) strays(movedRoot string) []string {
	found, _ := filepath.Glob(filepath.Join(movedRoot, l.hash()+"-*", "pg"))
	var strays []string
	for _, data := range found {
		if data != l.data() {
			strays = append(strays, data)
		}
	}
	return strays
}

// letPass opens a folder of root's for the account to go through, not to look
// into. A home is left alone: it holds more than ours.
func letPass(dir string, acct account) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	home, _ := os.UserHomeDir()
	if uid, _ := ownerOf(info); uid != 0 || info.Mode().Perm()&0o001 != 0 || dir == home {
		return nil
	}
	if err := os.Chown(dir, -1, acct.gid); err != nil {
		return err
	}
	return os.Chmod(dir, info.Mode().Perm()|0o010)
}

// socketDir makes the directory of the server's socket: beside the cluster, or
// under a temporary folder when the path is too long for a socket address, or
// has what connection strings split lists at.
func (l layout) socketDir(ctx context.Context, acct account, bin binaries) (string, error) {
	dir := filepath.Join(l.base, "run")
	if fitsSocket(dir) {
		return dir, privateDir(dir, acct)
	}
	for _, temp := range []string{os.TempDir(), "/tmp"} {
		dir = filepath.Join(temp, "diglot-"+l.hash())
		ok, err := acct.canEnter(ctx, bin, temp)
		if err != nil {
			return "", err
		}
		if ok && fitsSocket(dir) {
			return dir, privateDir(dir, acct)
		}
	}
	return "", fmt.Errorf("the path of the data folder %s is too long for a socket in it, and there is no temporary folder to use instead", l.dir)
}

func fitsSocket(dir string) bool {
	return len(dir) <= maxSocketDir && !strings.ContainsAny(dir, ",\n")
}

// privateDir makes a directory that only the account can enter. One that is
// already there may be another user's trap, so it must be the account's in fact:
// whoever can write to it can pose as the database.
func privateDir(dir string, acct account) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("create the socket folder: %w", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("socket folder: %w", err)
	}
	uid, _ := ownerOf(info)
	mine := uid == acct.uid || uid == os.Geteuid()
	if !info.IsDir() || !mine || info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("the socket folder %s is not a private folder of user id %d; remove it", dir, acct.uid)
	}
	if uid == acct.uid {
		return nil
	}
	if err := acct.own(dir); err != nil {
		return fmt.Errorf("socket folder: %w", err)
	}
	return nil
}

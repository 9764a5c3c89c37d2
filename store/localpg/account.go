package localpg

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"strconv"
)

// account is the user that the server runs as. PostgreSQL refuses to run as root,
// so root hands it to another.
type account struct {
	uid, gid int
	drop     bool
}

// accountFor picks the owner of an existing cluster, because PostgreSQL runs as
// nobody else; a new one gets ourselves or, as root, a user without rights.
func accountFor(data string) (account, error) {
	self := account{uid: os.Geteuid(), gid: os.Getegid()}
	info, err := os.Stat(data)
	switch {
	case err == nil:
		uid, gid := ownerOf(info)
		switch {
		case uid == self.uid && self.uid != 0:
			return self, nil
		case self.uid != 0:
			return account{}, fmt.Errorf("the cluster in %s belongs to user id %d; run diglot as that user or as root", data, uid)
		case uid == 0:
			return account{}, fmt.Errorf("the cluster in %s belongs to root, as whom PostgreSQL refuses to run; chown -R it to another user", data)
		}
		return account{uid: uid, gid: gid, drop: true}, nil
	case !errors.Is(err, fs.ErrNotExist):
		return account{}, fmt.Errorf("look for the cluster: %w", err)
	case self.uid != 0:
		return self, nil
	}
	return unprivileged()
}

func unprivileged() (account, error) {
	for _, name := range []string{"postgres", "_postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.Atoi(u.Uid)
		gid, gidErr := strconv.Atoi(u.Gid)
		if uidErr == nil && gidErr == nil {
			return account{uid: uid, gid: gid, drop: true}, nil
		}
	}
	return account{}, errors.New("PostgreSQL refuses to run as root, and there is neither a user postgres nor a user nobody to run it as")
}

// groups are the account's further groups; without a directory entry it has none.
func (a account) groups() []uint32 {
	u, err := user.LookupId(strconv.Itoa(a.uid))
	if err != nil {
		return nil
	}
	ids, err := u.GroupIds()
	if err != nil {
		return nil
	}
	var groups []uint32
	for _, id := range ids {
		if n, err := strconv.ParseUint(id, 10, 32); err == nil {
			groups = append(groups, uint32(n))
		}
	}
	return groups
}

// command prepares a server program to run as the account. It gets a group of its
// own, so that Ctrl-C in the terminal reaches us alone and we stop it in order;
// and a short environment, because ours holds secrets and may hold PG settings.
func (a account) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // a server program in the folder that was found
	cmd.Dir = "/"
	cmd.SysProcAttr = a.attributes()
	cmd.Env = []string{"LC_ALL=C"}
	for _, key := range []string{"PATH", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"} {
		if value, ok := os.LookupEnv(key); ok {
			cmd.Env = append(cmd.Env, key+"="+value)
		}
	}
	return cmd
}

// canEnter tries, because mode bits are not the whole truth where there are access
// control lists and security modules.
func (a account) canEnter(ctx context.Context, bin binaries, dir string) (bool, error) {
	if !a.drop {
		return true, nil
	}
	// A failure in / has nothing to do with dir.
	if err := a.command(ctx, bin.path("postgres"), "--version").Run(); err != nil {
		return false, fmt.Errorf("run %s as user id %d: %w", bin.path("postgres"), a.uid, err)
	}
	cmd := a.command(ctx, bin.path("postgres"), "--version")
	cmd.Dir = dir
	err := cmd.Run()
	if errors.Is(err, fs.ErrPermission) {
		return false, nil
	}
	return err == nil, err
}

// own gives a path to the account.
func (a account) own(path string) error {
	if !a.drop {
		return nil
	}
	return os.Lchown(path, a.uid, a.gid)
}

// Unprivileged prepares a program that refuses to run as root, as PostgreSQL
// does: for root it runs as the user that a new cluster would belong to, who is
// given dir; else as ourselves. It has a process group of its own.
func Unprivileged(ctx context.Context, dir, name string, args ...string) (*exec.Cmd, error) {
	acct := account{uid: os.Geteuid(), gid: os.Getegid()}
	if acct.uid == 0 {
		var err error
		if acct, err = unprivileged(); err != nil {
			return nil, err
		}
	}
	if err := acct.own(dir); err != nil {
		return nil, err
	}
	return acct.command(ctx, name, args...), nil
}

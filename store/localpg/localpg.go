package localpg

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
)

// Purpose is what the caller wants the cluster for.
type Purpose int

const (
	// Serve needs the data folder for itself.
	Serve Purpose = iota
	// Use shares the server of the diglot that serves, and else starts one for a while.
	Use
)

// String is what the lock file says.
func (p Purpose) String() string {
	if p == Use {
		return "use"
	}
	return "serve"
}

// Options say which cluster, and for what.
type Options struct {
	// Dir is the data folder, created if missing. It is Diglot's alone: as root its
	// group and mode may change so that the server's user can go through it.
	Dir     string
	Purpose Purpose
	// Existing has Start make no cluster where the folder has none: NoClusterError.
	Existing bool
	// Fast gives up durability for speed, for tests. A server that is killed may
	// then lose what it acknowledged.
	Fast   bool
	Logger *slog.Logger // discards when nil
}

// Cluster is a running server, our own or that of the diglot that serves.
type Cluster struct {
	sockets string
	own     *ownership // nil when the server is another process's
	made    string
}

// Made gives the data folder's one true name where this start made the cluster in
// it, else "".
func (c *Cluster) Made() string { return c.made }

// ownership is what Close has to end.
type ownership struct {
	once sync.Once
	err  error
	lock *lock
	run  *supervisor
	temp string // socket folder outside of the data folder
}

// site is what Start takes from the machine, apart for the tests to change.
type site struct {
	finder    finder
	movedRoot string
}

// Start returns when the cluster answers and has its database. ctx bounds the start
// alone; Close is what stops the server. It fails with ErrNoBinaries where no
// PostgreSQL is installed, with InUseError when Serve finds another serve, with
// NoClusterError where there is none and none is to be made, and with the end of the
// server's log when that does not come up.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	return start(ctx, o, site{finder: installed(), movedRoot: "/var/lib/diglot"})
}

// Running gives the cluster of the diglot that serves from a data folder, nil
// where none does. It starts, waits for and changes nothing.
func Running(dir string) *Cluster {
	h := readHolder(filepath.Join(dir, "lock"))
	if h.purpose != Serve.String() || h.sockets == "" || !alive(h.pid) {
		return nil
	}
	return &Cluster{sockets: h.sockets}
}

func start(ctx context.Context, o Options, on site) (*Cluster, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Existing && !begun(o.Dir) {
		return nil, &NoClusterError{Dir: o.Dir}
	}
	dir, err := openDir(o.Dir)
	if err != nil {
		return nil, err
	}
	l, running, err := acquire(ctx, filepath.Join(dir, "lock"), o)
	if err != nil {
		return nil, err
	}
	if running != nil {
		return &Cluster{sockets: running.sockets}, nil
	}
	c, err := startOwn(ctx, o, on, dir)
	if err != nil {
		l.release()
		return nil, err
	}
	c.own.lock = l
	// From here on others may connect.
	if err := l.write(o.Purpose, c.sockets); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// startOwn runs the server of a folder whose lock the caller has.
func startOwn(ctx context.Context, o Options, on site, dir string) (*Cluster, error) {
	s, lay, err := prepare(ctx, o, on, dir)
	if err != nil {
		return nil, err
	}
	run, err := supervise(ctx, s)
	if err != nil {
		return nil, err
	}
	if err := ensureDatabase(ctx, s.sockets); err != nil {
		return nil, errors.Join(err, run.stop())
	}
	own := &ownership{run: run}
	if filepath.Dir(s.sockets) != lay.base {
		own.temp = s.sockets
	}
	c := &Cluster{sockets: s.sockets, own: own}
	if s.new {
		c.made = dir
	}
	return c, nil
}

// prepare makes all that the server needs to run: user, folders, cluster.
func prepare(ctx context.Context, o Options, on site, dir string) (*server, layout, error) {
	lay, err := locate(dir)
	if err != nil {
		return nil, lay, err
	}
	major, err := clusterMajor(lay.data())
	if err != nil {
		return nil, lay, err
	}
	if major == 0 && o.Existing {
		return nil, lay, &NoClusterError{Dir: o.Dir}
	}
	bin, err := on.finder.find(ctx, major)
	if err != nil {
		return nil, lay, err
	}
	acct, err := accountFor(lay.data())
	if err != nil {
		return nil, lay, err
	}
	if major == 0 {
		if lay, err = lay.settle(ctx, acct, bin, on.movedRoot); err != nil {
			return nil, lay, err
		}
	}
	for _, stray := range lay.strays(on.movedRoot) {
		o.Logger.WarnContext(ctx, "a data folder that is gone left its cluster; remove it if nobody needs it", slog.String("dir", stray))
		if err := evict(ctx, stray, filepath.Join(filepath.Dir(stray), "run")); err != nil {
			return nil, lay, err
		}
	}
	sockets, err := lay.socketDir(ctx, acct, bin)
	if err != nil {
		return nil, lay, err
	}
	s := &server{bin: bin, acct: acct, data: lay.data(), sockets: sockets, logPath: lay.log(), fast: o.Fast, new: major == 0, logger: o.Logger}
	if major == 0 {
		if err := s.initdb(ctx, lay.base); err != nil {
			return nil, lay, err
		}
	}
	return s, lay, nil
}

// URL is the connection string of a database for pgx, as the cluster's superuser.
// The cluster's own database is "diglot".
func (c *Cluster) URL(database string) string { return connString(c.sockets, database) }

// Close stops the server and gives up the data folder, when they are ours. It may
// be called again, and returns the same.
func (c *Cluster) Close() error {
	if c.own == nil {
		return nil
	}
	c.own.once.Do(func() {
		c.own.err = c.own.run.stop()
		if c.own.temp != "" {
			if err := os.RemoveAll(c.own.temp); err != nil {
				c.own.err = errors.Join(c.own.err, fmt.Errorf("remove the socket folder: %w", err))
			}
		}
		c.own.lock.release()
	})
	return c.own.err
}

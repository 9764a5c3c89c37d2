package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store"
	"github.com/diglot/diglot/store/localpg"
)

// database is where everything is kept, and what has to be closed after it.
type database struct {
	url     string
	pooled  string // the way that requests take, where it is another
	private bool   // the cluster in the data folder
	cluster io.Closer
	logger  *slog.Logger
	told    func(what string)
}

// Close stops the private cluster, if this process runs it.
func (d *database) Close() error {
	if d.cluster == nil {
		return nil
	}
	return d.cluster.Close()
}

// making is whether a command may make a private cluster where there is none.
type making bool

const (
	existing making = false // a folder without one is the wrong folder
	orNew    making = true
)

// openDatabase gives the server that the environment names, else the private
// cluster, started when it is not running. told hears what was done beside.
func (c *common) openDatabase(
	ctx context.Context, purpose localpg.Purpose, m making, logger *slog.Logger, told func(what string),
) (*database, error) {
	if url := os.Getenv(envDatabaseURL); url != "" {
		return &database{url: url, pooled: os.Getenv(envPooledURL), logger: logger, told: told}, nil
	}
	if c.dataDir == "" {
		return nil, errors.New("--data-dir is empty: name a folder of its own")
	}
	cluster, err := localpg.Start(ctx, localpg.Options{Dir: c.dataDir, Purpose: purpose, Existing: m == existing, Logger: logger})
	if _, none := errors.AsType[*localpg.NoClusterError](err); none {
		return nil, withHint(err, "run it where serve was started, or give --"+dataDirFlag+" or "+envDatabaseURL)
	}
	if err != nil {
		err = fmt.Errorf("private PostgreSQL cluster: %w", err)
		if errors.Is(err, fs.ErrPermission) { // as in the image, where nothing can be written
			err = withHint(err, "name a server in "+envDatabaseURL+", a folder in --data-dir, or give serve --memory")
		}
		return nil, err
	}
	if made := cluster.Made(); made != "" {
		told("made a new database in " + made)
	}
	return &database{url: cluster.URL("diglot"), private: true, cluster: cluster, logger: logger, told: told}, nil
}

// tell writes what a command did beside what it was asked for.
func tell(what string) { complain(os.Stderr, errors.New(what)) }

// administration is what the commands that manage Diglot work with.
type administration struct {
	*core.Operator

	secret *core.Secret
	store  *store.Store
	db     *database
}

// Close lets go of the database.
func (a *administration) Close() error {
	a.store.Close()
	return a.db.Close()
}

// administer opens the database for an operator, its schema at head.
func (c *common) administer(ctx context.Context, m making) (_ *administration, err error) {
	db, err := c.openDatabase(ctx, localpg.Use, m, slog.New(slog.DiscardHandler), tell)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = db.Close() // the error that led here is the one to tell
		}
	}()
	if err := db.prepare(ctx); err != nil {
		return nil, err
	}
	return openAdministration(ctx, db)
}

// prepare brings the schema to head where nobody can mind: in the private
// cluster and in a database that has none. Another's is for `diglot migrate up`
// or the next `diglot serve` to move.
func (d *database) prepare(ctx context.Context) error {
	status, err := store.StatusOf(ctx, d.url)
	if err != nil || status.AtHead() {
		return err
	}
	if !d.private && status.Version > 0 && status.Version < status.Head {
		return withHint(fmt.Errorf("the database's schema is at version %d, this program needs %d", status.Version, status.Head),
			"run: diglot migrate up")
	}
	if err := store.Up(ctx, d.url); err != nil {
		return err
	}
	d.told(fmt.Sprintf("brought the schema from version %d to %d", status.Version, status.Head))
	return nil
}

func openAdministration(ctx context.Context, db *database) (*administration, error) {
	s, err := store.Open(ctx, store.Config{URL: db.url, Role: store.Operator, Logger: db.logger})
	if err != nil {
		return nil, err
	}
	secret, err := readSecret(ctx, s)
	if err != nil {
		s.Close()
		return nil, err
	}
	return &administration{core.NewOperator(s, secret, time.Now), secret, s, db}, nil
}

// readSecret gives the secret that the environment names, else the database's.
func readSecret(ctx context.Context, s *store.Store) (*core.Secret, error) {
	newest, previous, err := secretMaterial()
	if err != nil {
		return nil, err
	}
	return s.Secret(ctx, newest, previous)
}

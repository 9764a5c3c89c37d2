package localpg

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const oldestMajor = 15

// binaries is one installed PostgreSQL server.
type binaries struct {
	dir     string
	version string
	major   int
}

func (b binaries) path(program string) string { return filepath.Join(b.dir, program) }

// finder says where to look for binaries.
type finder struct {
	only   string // when set, the one folder to look in
	onPath bool   // ask PATH, and pg_config on it
	globs  []string
}

func installed() finder {
	return finder{
		only:   os.Getenv("DIGLOT_PG_BINDIR"),
		onPath: true,
		globs: []string{
			"/usr/lib/postgresql/*/bin",
			"/usr/pgsql-*/bin",
			"/opt/homebrew/opt/postgresql*/bin",
			"/usr/local/opt/postgresql*/bin",
		},
	}
}

// FindBinaries names the folder and version of the PostgreSQL server that Start
// would make a new cluster with: DIGLOT_PG_BINDIR if set, else the first of PATH,
// pg_config and the places where packages put it, highest version first. It fails
// with ErrNoBinaries where there is none of version 15 or later.
func FindBinaries() (bindir, version string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	b, err := installed().find(ctx, 0)
	if err != nil {
		return "", "", err
	}
	return b.dir, b.version, nil
}

// find returns the first binaries of that major version, or of any supported one
// when major is 0. It fails with ErrNoBinaries when there are none at all, and
// with a versionError when there are only others.
func (f finder) find(ctx context.Context, major int) (binaries, error) {
	var others []binaries
	for _, dir := range f.candidates(ctx) {
		b, err := inspect(ctx, dir)
		switch {
		case ctx.Err() != nil:
			return binaries{}, ctx.Err()
		case err != nil:
			continue
		case b.major == major, major == 0 && b.major >= oldestMajor:
			return b, nil
		}
		others = append(others, b)
	}
	switch {
	case major != 0 && len(others) > 0:
		return binaries{}, &versionError{want: major, found: others}
	case f.only != "":
		return binaries{}, fmt.Errorf("%w (DIGLOT_PG_BINDIR is %s)", ErrNoBinaries, f.only)
	case len(others) > 0:
		return binaries{}, fmt.Errorf("%w (found only %s)", ErrNoBinaries, list(others))
	}
	return binaries{}, ErrNoBinaries
}

func (f finder) candidates(ctx context.Context) []string {
	if f.only != "" {
		return []string{f.only}
	}
	var dirs []string
	if f.onPath {
		if postgres, err := exec.LookPath("postgres"); err == nil {
			// Beside the target of a symlink there is always a whole installation;
			// beside the symlink itself there may be no initdb.
			if target, err := filepath.EvalSymlinks(postgres); err == nil {
				dirs = append(dirs, filepath.Dir(target))
			}
			dirs = append(dirs, filepath.Dir(postgres))
		}
		if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
			dirs = append(dirs, strings.TrimSpace(string(out)))
		}
	}
	for _, glob := range f.globs {
		found, _ := filepath.Glob(glob) // fails on a malformed pattern only
		slices.SortFunc(found, func(a, b string) int { return digits(b) - digits(a) })
		dirs = append(dirs, found...)
	}
	return dirs
}

// digits reads the major version from the name of an installation's folder, the
// one above bin.
func digits(bin string) int {
	name := filepath.Base(filepath.Dir(bin))
	return leadingInt(strings.TrimLeftFunc(name, func(r rune) bool { return r < '0' || r > '9' }))
}

func leadingInt(s string) int {
	end := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(s)
	}
	n, _ := strconv.Atoi(s[:end]) // 0 for "no number" is what the callers want
	return n
}

// inspect asks the binaries themselves for their version, which also proves that
// they can run here.
func inspect(ctx context.Context, dir string) (binaries, error) {
	b := binaries{dir: dir}
	if _, err := os.Stat(b.path("initdb")); err != nil {
		return b, err
	}
	out, err := exec.CommandContext(ctx, b.path("postgres"), "--version").Output() //nolint:gosec // running the server that was found is the point
	if err != nil {
		return b, fmt.Errorf("ask %s for its version: %w", b.path("postgres"), err)
	}
	// postgres (PostgreSQL) 17.2 (Debian 17.2-1)
	fields := strings.Fields(string(out))
	if len(fields) < 3 {
		return b, fmt.Errorf("%s does not say its version: %q", b.path("postgres"), out)
	}
	b.version, b.major = fields[2], leadingInt(fields[2])
	return b, nil
}

// versionError: PostgreSQL opens a cluster with the major version that made it, and no other.
type versionError struct {
	want  int
	found []binaries
}

func (e *versionError) Error() string {
	return fmt.Sprintf("the cluster was made by PostgreSQL %d, but the binaries found are %s; install PostgreSQL %d or give --data-dir another folder",
		e.want, list(e.found), e.want)
}

func list(found []binaries) string {
	var names []string
	for _, b := range found {
		if name := fmt.Sprintf("%s in %s", b.version, b.dir); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

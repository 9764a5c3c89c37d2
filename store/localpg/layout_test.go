package localpg

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root runs the server as another user")
	}
}

func TestAsRootTheServerRunsAsAnotherUser(t *testing.T) {
	t.Parallel()
	needsPostgres(t)
	needRoot(t)
	dir := newDir(t)
	require.NoError(t, os.Mkdir(dir, 0o700)) // as a caller may have made it
	open(t, Options{Dir: dir, Fast: true})
	for _, name := range []string{"pg", "run", "pg/postmaster.pid"} {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		uid, _ := ownerOf(info)
		require.NotZero(t, uid, name)
	}
	info, err := os.Stat(dir)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o710), info.Mode().Perm())
	require.NoFileExists(t, filepath.Join(dir, "moved"))
}

func TestAsRootAFolderOutOfReachKeepsItsClusterElsewhere(t *testing.T) {
	t.Parallel()
	needsPostgres(t)
	needRoot(t)
	dir := filepath.Join(t.TempDir(), "data")
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o700))
	on := site{finder: installed(), movedRoot: newDir(t)}
	begin := func() *Cluster {
		c, err := start(within(t), Options{Dir: dir, Fast: true}, on)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, c.Close()) })
		return c
	}
	c := begin()
	run(t, c, `CREATE TABLE kept AS SELECT 42 AS n`)
	require.Len(t, matches(t, on.movedRoot, "*/pg/PG_VERSION"), 1)
	require.NoDirExists(t, filepath.Join(dir, "pg"))
	require.NoError(t, c.Close())

	c = begin()
	require.Equal(t, 42, ask[int](t, c, `SELECT n FROM kept`))
	require.NoError(t, c.Close())

	// Who removes the folder wants an empty one next.
	require.NoError(t, os.RemoveAll(dir))
	c = begin()
	require.Equal(t, 0, ask[int](t, c, `SELECT count(*) FROM pg_tables WHERE tablename = 'kept'`))
	require.NoError(t, c.Close())

	// Losing what it points to is not the same as having had nothing.
	require.NoError(t, os.RemoveAll(on.movedRoot))
	_, err := start(within(t), Options{Dir: dir, Fast: true}, on)
	require.ErrorContains(t, err, "which is gone")
}

func TestSocketFolderOfSomebodyElseIsNotTrusted(t *testing.T) {
	t.Parallel()
	self := account{uid: os.Geteuid(), gid: os.Getegid()}
	temp := t.TempDir()
	mine := filepath.Join(temp, "real")
	require.NoError(t, privateDir(mine, self))
	require.NoError(t, privateDir(mine, self))

	link := filepath.Join(temp, "link")
	require.NoError(t, os.Symlink(mine, link))
	require.ErrorContains(t, privateDir(link, self), "not a private folder")

	open := filepath.Join(temp, "open")
	require.NoError(t, os.Mkdir(open, 0o700))
	require.NoError(t, os.Chmod(open, 0o755))
	require.ErrorContains(t, privateDir(open, self), "not a private folder")

	if os.Geteuid() == 0 {
		require.NoError(t, os.Chown(mine, 12345, 12345))
		require.ErrorContains(t, privateDir(mine, self), "not a private folder")
	}
}

func TestLockFileIsReadWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	for content, want := range map[string]holder{
		"":                                     {},
		"serve 12":                             {},
		"serve x\n":                            {},
		"serve 123\n":                          {purpose: "serve", pid: 123},
		"use 7\n/of/a/longer/line\n":           {purpose: "use", pid: 7},
		"serve 123 /a folder/of/sockets\n\x00": {purpose: "serve", pid: 123, sockets: "/a folder/of/sockets"},
	} {
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		require.Equal(t, want, readHolder(path), content)
	}
}

package localpg

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFindBinariesFindsTheInstalledServer(t *testing.T) {
	needsPostgres(t)
	t.Parallel()
	dir, version, err := FindBinaries()
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(dir, "initdb"))
	require.GreaterOrEqual(t, leadingInt(version), oldestMajor)
}

func TestNoBinariesSaysWhatToDo(t *testing.T) {
	t.Parallel()
	nowhere := t.TempDir()
	for name, f := range map[string]finder{
		"DIGLOT_PG_BINDIR points nowhere": {only: nowhere, onPath: true},
		"nothing is installed":            {globs: []string{nowhere + "/*/bin"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "data")
			_, err := start(within(t), Options{Dir: dir}, site{finder: f})
			require.ErrorIs(t, err, ErrNoBinaries)
			require.ErrorContains(t, err, "apt-get install postgresql")
			require.ErrorContains(t, err, "--memory")
			if f.only != "" {
				require.ErrorContains(t, err, f.only)
			}
			// and leaves the folder to whoever tries next
			_, err = start(within(t), Options{Dir: dir}, site{finder: f})
			require.ErrorIs(t, err, ErrNoBinaries)
		})
	}
}

func TestBinariesAreChosenByVersion(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for folder, version := range map[string]string{"9": "9.6.1", "14": "14.9", "16": "16.4 (Debian 16.4-1)", "18": "18beta1"} {
		writeScript(t, filepath.Join(root, folder, "bin", "postgres"), "echo 'postgres (PostgreSQL) "+version+"'")
		writeScript(t, filepath.Join(root, folder, "bin", "initdb"), "exit 1")
	}
	writeScript(t, filepath.Join(root, "20", "bin", "postgres"), "echo 'postgres (PostgreSQL) 20.0'") // has no initdb
	writeScript(t, filepath.Join(root, "19", "bin", "postgres"), "exit 127")                          // does not run here
	writeScript(t, filepath.Join(root, "19", "bin", "initdb"), "exit 127")
	f := finder{globs: []string{root + "/*/bin"}}

	b, err := f.find(t.Context(), 0)
	require.NoError(t, err)
	require.Equal(t, binaries{dir: root + "/18/bin", version: "18beta1", major: 18}, b)

	b, err = f.find(t.Context(), 16)
	require.NoError(t, err)
	require.Equal(t, root+"/16/bin", b.dir)

	_, err = finder{globs: []string{root + "/14/bin"}}.find(t.Context(), 0)
	require.ErrorIs(t, err, ErrNoBinaries)
	require.ErrorContains(t, err, "14.9")

	// A cluster of another version is an error that names both.
	dir := newDir(t)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "pg"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "pg", "PG_VERSION"), []byte("17\n"), 0o600))
	_, err = start(within(t), Options{Dir: dir}, site{finder: f})
	require.ErrorContains(t, err, "was made by PostgreSQL 17")
	require.ErrorContains(t, err, "18beta1 in "+root+"/18/bin")
}

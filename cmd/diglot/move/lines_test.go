package move

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAFileThatCannotBeCutIsClosed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, []byte("half a line"), 0o600))
	file, err := os.Open(path)
	require.NoError(t, err)
	_, err = linesIn(file, 0)
	require.Error(t, err)
	require.ErrorIs(t, file.Close(), os.ErrClosed)
}

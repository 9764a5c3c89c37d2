//go:build unix

package main

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMemoryIsLimitedAsTheProcessIs(t *testing.T) {
	var before syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_DATA, &before))
	t.Cleanup(func() { require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_DATA, &before)) })
	const allowed = 1 << 40 // more than this test could miss
	lower := before
	lower.Cur = min(before.Cur, allowed)
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_DATA, &lower))
	limit, err := allowedMemory()
	require.NoError(t, err)
	require.LessOrEqual(t, limit, uint64(allowed)/2)
}

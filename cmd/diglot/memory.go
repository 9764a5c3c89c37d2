package main

import (
	"context"
	"errors"
	"log/slog"
	"math"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// limitMemory has the collector see to it that memory stays below 90 % of what
// [allowedMemory] gives: else the heap would grow past that before it is looked
// for what is garbage. GOMEMLIMIT overrides it.
func limitMemory(ctx context.Context, logger *slog.Logger) {
	limit, err := memlimit.Set(memlimit.WithProvider(allowedMemory))
	if err != nil {
		logger.WarnContext(ctx, "how much memory there may be is not known; GOMEMLIMIT can say it", slog.String("error", err.Error()))
		return
	}
	if limit < math.MaxInt64 {
		logger.InfoContext(ctx, "memory is limited", slog.Int64("bytes", limit))
	}
}

// allowedMemory gives how many bytes of memory the process may have, by its
// control group, as a container's, or by half of RLIMIT_DATA: that is of what the
// process has mapped, in pieces of 64 MiB, what it has given back included.
func allowedMemory() (uint64, error) {
	group, err := memlimit.FromCgroup()
	data := dataLimit()
	if data == math.MaxUint64 {
		return group, err
	}
	data /= 2
	switch {
	case errors.Is(err, memlimit.ErrNoLimit):
		return data, nil
	case err != nil:
		return 0, err
	}
	return min(group, data), nil
}

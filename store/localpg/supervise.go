package localpg

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

const (
	startPatience = 60 * time.Second // for crash recovery
	retryPatience = 5 * time.Second  // for what a dead server left to let go
)

// supervisor keeps the server running until it is told to stop.
type supervisor struct {
	server *server
	cancel context.CancelFunc
	done   chan struct{}
	err    error // of the stop, once done is closed
}

// supervise starts the server and returns when it answers. ctx bounds only that.
func supervise(ctx context.Context, s *server) (*supervisor, error) {
	c, err := s.firstUp(ctx)
	if err != nil {
		return nil, err
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	v := &supervisor{server: s, cancel: cancel, done: make(chan struct{})}
	go v.watch(run, c)
	return v, nil
}

// firstUp tries again for a while when the server ends at once after one that was
// killed, whose backends hold the shared memory until they notice. It does not go
// on for long, since the reason may as well be one that stays.
func (s *server) firstUp(ctx context.Context) (*child, error) {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	retry, cancelRetry := context.WithTimeout(ctx, retryPatience)
	defer cancelRetry()
	former, _, err := readPID(s.data) // a server that ended in order has removed it
	if err != nil {
		return nil, err
	}
	for pause := 50 * time.Millisecond; ; pause = min(pause*2, 500*time.Millisecond) {
		c, err := s.up(ctx)
		if err == nil {
			return c, nil
		}
		_, ended := errors.AsType[*exitError](err)
		if former == 0 || !ended || sleep(retry, pause) != nil {
			return nil, err
		}
	}
}

func (v *supervisor) watch(ctx context.Context, c *child) {
	defer close(v.done)
	for c != nil {
		select {
		case <-ctx.Done():
			v.err = c.stop()
			return
		case <-c.exited:
		}
		v.server.logger.WarnContext(ctx, "PostgreSQL ended unasked, starting it again",
			slog.Int("pid", c.cmd.Process.Pid), slog.Any("error", c.err))
		c = v.restart(ctx)
	}
}

// restart tries until it succeeds, and returns nil when told to stop.
func (v *supervisor) restart(ctx context.Context) *child {
	for pause := 50 * time.Millisecond; ; pause = min(pause*2, 2*time.Second) {
		c, err := v.server.up(ctx)
		if err == nil {
			v.server.logger.WarnContext(ctx, "PostgreSQL runs again", slog.Int("pid", c.cmd.Process.Pid))
			return c
		}
		if ctx.Err() != nil {
			return nil
		}
		v.server.logger.WarnContext(ctx, "PostgreSQL does not start, trying again", slog.Any("error", err))
		if sleep(ctx, pause) != nil {
			return nil
		}
	}
}

func (v *supervisor) stop() error {
	v.cancel()
	<-v.done
	return v.err
}

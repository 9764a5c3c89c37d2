package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/diglot/diglot/cmd/diglot/gateway"
	"github.com/diglot/diglot/cmd/diglot/terminal"
)

// endGrace is how long, past --drain-timeout, each of the two steps behind the
// drain may take: the watch with the last note of when keys were used, and the
// closing of what was opened. A database that hangs would hold both up for longer
// than a supervisor waits.
const endGrace = time.Second

// stopping is a stop from when it began.
type stopping struct {
	logger *slog.Logger
	drain  time.Duration
	began  time.Time
	errs   []error
}

func beginStop(logger *slog.Logger, drain time.Duration) *stopping {
	return &stopping{logger: logger, drain: drain, began: time.Now()}
}

// servers lets requests under way end, and abandons those that take too long.
func (s *stopping) servers(servers []*listening) {
	ctx, cancel := context.WithDeadline(context.Background(), s.began.Add(s.drain))
	defer cancel()
	for _, l := range servers {
		if l.server.Shutdown(ctx) != nil { // it took too long
			s.abandon(terminal.Count(int(l.underWay.Load()), "request", "requests"))
			_ = l.server.Close() // what it could say is less than that it was needed
		}
	}
}

// step ends something, and abandons it where that takes until so many endGraces
// past the drain. what says what is left then.
func (s *stopping) step(graces time.Duration, end func(), what func() string) {
	ctx, cancel := context.WithDeadline(context.Background(), s.began.Add(s.drain+graces*endGrace))
	defer cancel()
	ended := make(chan struct{})
	go func() { end(); close(ended) }()
	select {
	case <-ended:
	case <-ctx.Done():
		s.abandon(what())
	}
}

// abandon notes what ends with the process and not in order.
func (s *stopping) abandon(what string) {
	after := time.Since(s.began).Round(time.Millisecond).String()
	s.logger.Error("abandoned", slog.String("what", what), slog.String("after", after))
	s.errs = append(s.errs, fmt.Errorf("abandoned after %s: %s", after, what))
}

func (s *stopping) err() error { return errors.Join(s.errs...) }

// listening is a server and what it listens on.
type listening struct {
	server   *http.Server
	listener net.Listener
	underWay atomic.Int64 // requests
}

func newListening(h http.Handler, l net.Listener, logger *slog.Logger) *listening {
	s := &listening{listener: l}
	s.server = gateway.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.underWay.Add(1)
		defer s.underWay.Add(-1)
		h.ServeHTTP(w, r)
	}), logger)
	return s
}

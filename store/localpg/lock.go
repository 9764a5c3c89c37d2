package localpg

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// lockPatience bounds the wait for a command that holds the folder, and for the
// server of a serve that has just begun.
const lockPatience = 30 * time.Second

// lock is the ownership of a data folder. It is an flock, so that the kernel ends
// it with the process; what the file says is only for others to read.
type lock struct{ file *os.File }

// holder is what the lock file says about its owner.
type holder struct {
	purpose string
	pid     int
	sockets string // set once the server answers there
}

// acquire takes the folder, or finds the server of the serve that has it: exactly
// one of the first two results is set. It fails with InUseError when both sides serve.
func acquire(ctx context.Context, path string, o Options) (*lock, *holder, error) {
	ctx, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	var waiting error
	for pause := 10 * time.Millisecond; ; pause = min(pause*2, 100*time.Millisecond) {
		l, err := tryLock(path, o.Purpose)
		if l != nil || err != nil {
			return l, nil, err
		}
		h := readHolder(path)
		serving := h.purpose == Serve.String()
		switch {
		case serving && o.Purpose == Serve && alive(h.pid):
			return nil, nil, &InUseError{Dir: o.Dir, PID: h.pid}
		case serving && h.sockets != "":
			if waiting = ping(ctx, h.sockets); waiting == nil {
				return nil, &h, nil
			}
		}
		if err := sleep(ctx, pause); err != nil {
			return nil, nil, h.waitError(o, err, waiting)
		}
	}
}

func (h holder) waitError(o Options, err, waiting error) error {
	switch {
	case h.purpose != Serve.String():
		return fmt.Errorf("wait for a diglot command (pid %d) to finish with %s: %w", h.pid, o.Dir, err)
	case o.Purpose == Serve: // its pid looks dead from here, as in another container
		return &InUseError{Dir: o.Dir, PID: h.pid}
	case waiting != nil:
		err = waiting
	}
	return fmt.Errorf("wait for the PostgreSQL of the diglot (pid %d) that serves from %s: %w", h.pid, o.Dir, err)
}

// tryLock returns nil and no error when somebody else has the lock.
func tryLock(path string, p Purpose) (*lock, error) {
	f, err := openOwn(path, os.O_RDWR)
	if err != nil {
		return nil, fmt.Errorf("open the lock of the data folder: %w", err)
	}
	held, err := flock(f)
	if err != nil || !held {
		_ = f.Close()
		if err != nil {
			err = fmt.Errorf("lock %s: %w", path, err)
		}
		return nil, err
	}
	l := &lock{file: f}
	if err := l.write(p, ""); err != nil {
		_ = f.Close()
		return nil, err
	}
	return l, nil
}

// write says who has the lock and, when it is known, where the server answers. A
// reader takes only a first line that is complete, so the line comes first and the
// leftovers of a longer one are cut off after.
func (l *lock) write(p Purpose, sockets string) error {
	line := strings.TrimSpace(fmt.Sprintf("%s %d %s", p, os.Getpid(), sockets)) + "\n"
	if _, err := l.file.WriteAt([]byte(line), 0); err != nil {
		return fmt.Errorf("write the lock: %w", err)
	}
	if err := l.file.Truncate(int64(len(line))); err != nil {
		return fmt.Errorf("write the lock: %w", err)
	}
	return nil
}

// release leaves the file: removing it would let two processes lock two files of one name.
func (l *lock) release() {
	_ = l.file.Truncate(0) // only informs; closing is what unlocks
	_ = l.file.Close()
}

// readHolder returns the zero holder when the owner has not written its line yet.
func readHolder(path string) holder {
	raw, err := os.ReadFile(path) //nolint:gosec // the path is ours
	if err != nil {
		return holder{}
	}
	line, _, complete := strings.Cut(string(raw), "\n")
	fields := strings.SplitN(line, " ", 3)
	if !complete || len(fields) < 2 {
		return holder{}
	}
	pid, err := strconv.Atoi(fields[1])
	if err != nil {
		return holder{}
	}
	h := holder{purpose: fields[0], pid: pid}
	if len(fields) == 3 {
		h.sockets = fields[2]
	}
	return h
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

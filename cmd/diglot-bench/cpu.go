package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// clockTick is what /proc counts processor time in, on every Linux.
const clockTick = 10 * time.Millisecond

// processors is how long processors have worked: for this process, which has the
// clients and both servers, and for the processes under it, which are PostgreSQL's.
// Both are 0 where there is no /proc.
type processors struct{ own, postgres time.Duration }

func (p processors) since(before processors) processors {
	return processors{p.own - before.own, p.postgres - before.postgres}
}

func processorTime() processors {
	type process struct {
		parent int
		took   time.Duration
	}
	all := map[int]process{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is a good one
	for _, path := range stats {
		text, err := os.ReadFile(path) //nolint:gosec // of /proc
		if err != nil {
			continue // it has ended
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		_, rest, _ := strings.Cut(string(text), ") ") // a command's name may have blanks
		fields := strings.Fields(rest)
		if len(fields) < 15 {
			continue
		}
		parent, _ := strconv.Atoi(fields[1])
		var ticks int64
		for _, f := range fields[11:15] { // its own and those of its children that have ended
			n, _ := strconv.ParseInt(f, 10, 64)
			ticks += n
		}
		all[pid] = process{parent, time.Duration(ticks) * clockTick}
	}
	var p processors
	self := os.Getpid()
	for pid, one := range all {
		if pid == self {
			p.own += one.took
			continue
		}
		for above := one.parent; above > 1; above = all[above].parent {
			if above == self {
				p.postgres += one.took
				break
			}
		}
	}
	return p
}

package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/diglot/diglot/cmd/diglot/move"
)

// progress shows how far a move is: a bar on a terminal, else a line now and then.
// What is read before the first record is settled is counted apart, as it says
// nothing of how long the rest takes.
type progress struct {
	to       io.Writer
	terminal bool
	now      func() time.Time
	bar      *progressbar.ProgressBar // nil: not on a terminal, or nothing is settled
	all      int
	done     int
	read     bool      // the line is that of what was read
	first    time.Time // when the first record was settled
	told     time.Time
}

// How often it is told how far a move is: by a line where there is no terminal, and
// on one.
const (
	tellEvery = 5 * time.Second
	showEvery = tellEvery / 50
)

func newProgress(to *os.File) *progress {
	return &progress{to: to, terminal: isTerminal(to), now: time.Now, told: time.Now()}
}

// due reports whether it is time to tell something.
func (p *progress) due(every time.Duration) bool {
	now := p.now()
	if now.Sub(p.told) < every {
		return false
	}
	p.told = now
	return true
}

// reading tells how many records have been read.
func (p *progress) reading(n int) {
	switch {
	case p.done > 0:
	case p.terminal && p.due(showEvery):
		p.read = true
		_, _ = fmt.Fprintf(p.to, "\rreading: %d records", n) // what a terminal doesn't show is no failure of a move
	case !p.terminal && p.due(tellEvery):
		_, _ = fmt.Fprintf(p.to, "reading: %d records\n", n)
	}
}

// total tells how many records there are.
func (p *progress) total(n int) { p.all = n }

// settled counts one record.
func (p *progress) settled(move.Entry) {
	p.done++
	if p.done == 1 {
		p.first = p.now()
		if p.terminal && p.all > 0 {
			p.endLine()
			p.bar = progressbar.NewOptions(p.all, progressbar.OptionSetWriter(p.to), progressbar.OptionShowCount(), progressbar.OptionShowIts(),
				progressbar.OptionSetItsString("records"), progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(showEvery))
		}
	}
	if p.bar != nil {
		_ = p.bar.Set(min(p.done, p.all))
		return
	}
	if p.done > 1 && p.done <= p.all && p.due(tellEvery) {
		each := p.told.Sub(p.first) / time.Duration(p.done-1)
		_, _ = fmt.Fprintf(p.to, "%d of %d records, %.1f a second, %s left\n",
			p.done, p.all, float64(time.Second)/float64(max(each, 1)), (each * time.Duration(p.all-p.done)).Round(time.Second))
	}
}

// endLine leaves the line of what was read.
func (p *progress) endLine() {
	if p.read {
		p.read = false
		_, _ = fmt.Fprintln(p.to)
	}
}

// end leaves the bar's line.
func (p *progress) end() {
	p.endLine()
	if p.bar != nil {
		_, _ = fmt.Fprintln(p.to)
	}
}

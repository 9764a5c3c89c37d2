package main

import (
	"fmt"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/diglot/diglot/cmd/diglot/move"
)

// progress shows how far a move is: a bar on a terminal, else a line now and then.
type progress struct {
	to    *os.File
	bar   *progressbar.ProgressBar // nil: not on a terminal
	all   int
	done  int
	began time.Time
	told  time.Time
}

// tellEvery is how often a line is written where there is no terminal.
const tellEvery = 5 * time.Second

func newProgress(to *os.File) *progress { return &progress{to: to} }

// total begins to show it.
func (p *progress) total(n int) {
	p.all, p.done, p.began = n, 0, time.Now()
	p.told = p.began
	if info, err := p.to.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 && n > 0 {
		p.bar = progressbar.NewOptions(n, progressbar.OptionSetWriter(p.to), progressbar.OptionShowCount(), progressbar.OptionShowIts(),
			progressbar.OptionSetItsString("records"), progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(tellEvery/50))
	}
}

// settled counts one record.
func (p *progress) settled(move.Entry) {
	p.done++
	if p.bar != nil {
		_ = p.bar.Set(min(p.done, p.all)) // what a terminal doesn't show is no failure of a move
		return
	}
	if now := time.Now(); now.Sub(p.told) >= tellEvery && p.done <= p.all {
		p.told = now
		each := now.Sub(p.began) / time.Duration(p.done)
		_, _ = fmt.Fprintf(p.to, "%d of %d records, %.1f a second, %s left\n",
			p.done, p.all, float64(time.Second)/float64(each), (each * time.Duration(p.all-p.done)).Round(time.Second))
	}
}

// end leaves the bar's line.
func (p *progress) end() {
	if p.bar != nil {
		_, _ = fmt.Fprintln(p.to)
	}
}

package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/move"
)

func TestWhatIsReadIsNoWorkInTheFiguresOfAMove(t *testing.T) {
	t.Parallel()
	at := time.Date(2030, time.January, 2, 3, 4, 5, 0, time.UTC)
	var shown strings.Builder
	p := &progress{to: &shown, now: func() time.Time { return at }, told: at}
	p.reading(1)
	at = at.Add(tellEvery)
	p.reading(180)
	p.total(180)
	at = at.Add(time.Hour)
	p.settled(move.Entry{})
	for range 10 {
		at = at.Add(time.Second)
		p.settled(move.Entry{})
	}
	p.reading(181)
	p.end()
	require.Equal(t, `reading: 180 records
2 of 180 records, 1.0 a second, 2m58s left
7 of 180 records, 1.0 a second, 2m53s left
`, shown.String())
}

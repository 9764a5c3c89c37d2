package main

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/move"
	"github.com/diglot/diglot/cmd/diglot/move/finding"
)

const (
	// storySeed has the kills come at the same moments each time.
	storySeed = 20261121

	// storyLimit bounds how long a move may take until it is killed.
	storyLimit = time.Hour
)

// mover runs the commands of one move. Those that write are told to send a little
// more than its vendor takes, so that some of it is refused, the others a little less.
type mover struct {
	vendor *standIn
	rate   int // that the vendor takes, in a second
	env    []string
	args   []string
	dir    string
	out    bool // of the tenant

	counting, reading journal
	counted           int // lines
	mu                sync.Mutex
	done              []*move.Entry
}

func (s *story) newMover(t *testing.T, vendor *standIn, env string, args ...string) *mover {
	t.Helper()
	return &mover{
		vendor: vendor, rate: s.rate, env: slices.Concat(s.env, []string{env}), args: args, dir: filepath.Join(t.TempDir(), "run"),
	}
}

// command makes a command of the move; what it prints is in out and errOut.
func (m *mover) command(t *testing.T, out, errOut *bytes.Buffer, args ...string) *exec.Cmd {
	t.Helper()
	m.vendor.forget()
	rate, burst := m.rate-1, 1
	if slices.Contains([]string{"apply", "resume", "catch-up"}, args[0]) {
		rate, burst = m.rate+1, storyBurst+1
	}
	all := slices.Concat([]string{"move"}, args, m.args, []string{"--run", m.dir, "--rate", strconv.Itoa(rate), "--burst", strconv.Itoa(burst)})
	cmd := diglotCommand(t.Context(), m.env, all...)
	cmd.Stdout, cmd.Stderr = out, &told{t: t, of: args[0], all: errOut, last: time.Now()}
	return cmd
}

// told passes on how far a command is, now and then.
type told struct {
	t    *testing.T
	of   string
	mu   sync.Mutex
	all  *bytes.Buffer
	last time.Time
}

func (w *told) Write(text []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now := time.Now(); now.Sub(w.last) > time.Minute {
		w.last = now
		w.t.Logf("%s: %s", w.of, bytes.TrimSpace(text))
	}
	return w.all.Write(text)
}

// run runs a command to its end, and gives what it printed and its exit code.
func (m *mover) run(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errOut bytes.Buffer
	cmd := m.command(t, &out, &errOut, args...)
	began := time.Now()
	_ = cmd.Run() // its code says how it ended
	t.Logf("%s took %s", strings.Join(args, " "), time.Since(began).Round(time.Millisecond))
	return out.String(), errOut.String(), cmd.ProcessState.ExitCode()
}

// killed runs a command and kills it when the journal has so many lines more.
func (m *mover) killed(t *testing.T, lines int, args ...string) {
	t.Helper()
	before := m.lines()
	var out, errOut bytes.Buffer
	cmd := m.command(t, &out, &errOut, args...)
	began := time.Now()
	require.NoError(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	require.Eventually(t, func() bool { return m.lines() >= before+lines || len(ended) > 0 }, storyLimit, 2*time.Millisecond, "%v", args)
	_ = cmd.Process.Kill() // it may have ended, which is seen below
	err := <-ended
	require.ErrorContains(t, err, "killed", "it ended before it was: %s", errOut.String())
	t.Logf("%s was killed after %s, with %d lines more", strings.Join(args, " "), time.Since(began).Round(time.Millisecond), m.lines()-before)
}

// journal reads a journal on from where it was, whole lines.
type journal struct{ at int64 }

func (j *journal) more(dir string) []byte {
	f, err := os.Open(filepath.Join(dir, "journal.jsonl"))
	if err != nil {
		return nil // there is none yet
	}
	defer f.Close()                                                    //nolint:errcheck // it was only read
	text, _ := io.ReadAll(io.NewSectionReader(f, j.at, math.MaxInt32)) // what can't be read now is read next time
	text = text[:bytes.LastIndexByte(text, '\n')+1]
	j.at += int64(len(text))
	return text
}

// lines gives how many lines the journal has.
func (m *mover) lines() int {
	m.counted += bytes.Count(m.counting.more(m.dir), []byte("\n"))
	return m.counted
}

// settled gives servers that the move has moved, the first ones.
func (m *mover) settled() []*move.Entry {
	const enough = 100
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.done) >= enough {
		return m.done
	}
	for line := range bytes.Lines(m.reading.more(m.dir)) {
		var e move.Entry
		if json.Unmarshal(line, &e) == nil && e.State == move.Done && e.Record.Kind == finding.Server {
			m.done = append(m.done, &e)
		}
	}
	return m.done
}

// moveAll moves everything, of about so many records, killed twice on the way.
func (m *mover) moveAll(t *testing.T, records int, flags ...string) {
	t.Helper()
	chance := rand.New(rand.NewPCG(storySeed, uint64(records)))
	m.killed(t, 5+chance.IntN(records/4), append([]string{"apply"}, flags...)...)
	m.killed(t, 5+chance.IntN(records/4), append([]string{"resume"}, flags...)...)
	_, stderr, code := m.run(t, append([]string{"resume"}, flags...)...)
	require.Zero(t, code, stderr)
}

// states counts the run's records by what became of them. Each that is done has a
// record of its own.
func (m *mover) states(t *testing.T) map[string]int {
	t.Helper()
	out, there := map[string]int{}, map[string]bool{}
	for _, e := range m.entries(t) {
		out[string(e.State)]++
		if e.State == move.Done {
			there[string(e.Record.Kind)+e.There] = true
		}
	}
	require.Len(t, there, out["done"], "each record has one of its own")
	return out
}

// entries gives what the run knows of each record.
func (m *mover) entries(t *testing.T) []*move.Entry {
	t.Helper()
	run, err := move.OpenRun(m.dir, "", "", time.Now())
	require.NoError(t, err)
	defer run.Close() //nolint:errcheck // nothing was written
	return run.Entries()
}

// verified is what a verification prints.
type verified struct {
	Counts  map[string]map[string]int
	Records []move.Verified
}

// said is what it says of records that are neither equal nor as moved, by their ids.
func (v *verified) said() map[string]string {
	out := map[string]string{}
	for _, r := range v.Records {
		out[r.Record.ID] = strings.TrimSpace(string(r.Verdict) + " " + string(r.Changed))
	}
	return out
}

// count is how many records it compared.
func (v *verified) count() (n int) {
	for _, of := range v.Counts {
		for _, records := range of {
			n += records
		}
	}
	return n
}

// verify runs a verification, which ends with a code.
func (m *mover) verify(t *testing.T, want int) *verified {
	t.Helper()
	stdout, stderr, code := m.run(t, "verify", "-o", "json")
	require.Equal(t, want, code, "%s %s", stderr, stdout)
	var v verified
	require.NoError(t, json.Unmarshal([]byte(stdout), &v))
	return &v
}

// catchUp brings what changed at the source, and removes what was removed there.
func (m *mover) catchUp(t *testing.T, flags ...string) {
	t.Helper()
	_, stderr, code := m.run(t, append([]string{"catch-up", "--delete"}, flags...)...)
	require.Zero(t, code, stderr)
}

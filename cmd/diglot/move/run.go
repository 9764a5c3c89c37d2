package move

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/dialects"
)

// runHeader is a journal's first line. It has no secret in it.
type runHeader struct {
	Version int       `json:"diglot_run"`
	From    string    `json:"from"`
	To      string    `json:"to"`
	At      time.Time `json:"at"`
}

// Settings are what a run is gone on with unless something else is asked for. No
// secret is among them.
type Settings struct {
	FromAccount string `json:"from_account,omitzero"`
	ToAccount   string `json:"to_account,omitzero"`
	URLTemplate string `json:"url_template,omitzero"`
	Policy      Policy `json:"on_conflict,omitzero"`
	AcceptLoss  bool   `json:"accept_loss,omitzero"`
}

// settingsLine is a line of a journal with what counts from then on.
type settingsLine struct {
	Settings Settings `json:"settings"`
}

var settingsBegin = []byte(`{"settings":`)

// Run is the journal of one move, in a folder of its own. It is on the disk
// before [Run.Put] returns, so that whatever ends the process, the next one knows
// what was begun. One process has a run at a time.
type Run struct {
	Dir  string
	From string
	To   string

	mu       sync.Mutex
	settings Settings
	owners   owners
	lines    *lines
	lock     *os.File
	entries  map[string]*Entry
	order    []string // the keys, as they first came
	there    map[string]string
}

// ErrRun is a run that can't be used.
var ErrRun = errors.New("the run can't be used")

const journalName = "journal.jsonl"

// HasRun reports whether there is a run in a folder.
func HasRun(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, journalName))
	return err == nil
}

// OpenRun opens the run of a folder, or makes one where there is none. From and to
// have to be those that it was made with; empty ones are. ErrRun.
func OpenRun(dir, from, to string, now time.Time) (_ *Run, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	r := newRun(dir)
	if r.lock, err = lockRun(dir); err != nil {
		return nil, err
	}
	if err = r.resume(runHeader{1, from, to, now.UTC().Truncate(time.Second)}); err != nil {
		_ = r.Close() // the error that led here is the one to tell
		return nil, err
	}
	return r, nil
}

// ReadRun gives a run as it is, which another process may be going on with. Nothing
// can be put into it. ErrRun.
func ReadRun(dir, from, to string) (*Run, error) {
	text, err := os.ReadFile(filepath.Join(dir, journalName)) //nolint:gosec // the operator names the folder
	if err != nil {
		return nil, err
	}
	r := newRun(dir)
	text = text[:bytes.LastIndexByte(text, '\n')+1]
	if len(text) == 0 {
		return nil, r.none()
	}
	return r, r.load(text, runHeader{From: from, To: to})
}

func newRun(dir string) *Run {
	return &Run{Dir: dir, entries: map[string]*Entry{}, there: map[string]string{}}
}

func (r *Run) none() error {
	return fmt.Errorf("%w: there is none in %s: name --from and --to", ErrRun, r.Dir)
}

func lockRun(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the operator names the folder
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close() // the lock is somebody else's
		return nil, fmt.Errorf("%w: another diglot move has it: wait, or stop it: %s", ErrRun, dir)
	}
	return f, nil
}

// resume reads what there is, and cuts off a last line that was not ended.
func (r *Run) resume(want runHeader) error {
	file, err := os.OpenFile(filepath.Join(r.Dir, journalName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(file)
	if err != nil {
		return errors.Join(err, file.Close())
	}
	whole := bytes.LastIndexByte(text, '\n') + 1
	if r.lines, err = linesIn(file, int64(whole)); err != nil {
		return err
	}
	if whole > 0 {
		return r.load(text[:whole], want)
	}
	if want.From == "" || want.To == "" {
		return r.none()
	}
	r.From, r.To = want.From, want.To
	return r.lines.add(&want)
}

// load reads a journal's lines.
func (r *Run) load(text []byte, want runHeader) (err error) {
	for i, line := range bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n")) {
		switch {
		case i == 0:
			err = r.begin(line, want)
		case bytes.HasPrefix(line, settingsBegin):
			var s settingsLine
			err = dialects.Decode(line, &s)
			r.settings = s.Settings
		case bytes.HasPrefix(line, ownersBegin):
			var o ownersLine
			err = dialects.Decode(line, &o)
			r.owners = o.Owners
		default:
			var e Entry
			err = dialects.Decode(line, &e)
			if err == nil && !slices.Contains(States, e.State) {
				err = fmt.Errorf("there is no state %q", e.State)
			}
			if err == nil {
				e.knowPlace()
				r.keep(&e)
			}
		}
		if err != nil {
			return fmt.Errorf("%w: %s: line %d: %w", ErrRun, r.Dir, i+1, err)
		}
	}
	return nil
}

func (r *Run) begin(line []byte, want runHeader) error {
	var h runHeader
	if err := dialects.Decode(line, &h); err != nil || h.Version != 1 {
		return errors.New("it is no journal that this program reads")
	}
	if want.From != "" && want.From != h.From || want.To != "" && want.To != h.To {
		return fmt.Errorf("it is of a move from %s to %s: name another --run", h.From, h.To)
	}
	r.From, r.To = h.From, h.To
	return nil
}

func (r *Run) keep(e *Entry) {
	key := e.key()
	if _, known := r.entries[key]; !known {
		r.order = append(r.order, key)
	}
	if before := r.entries[key]; before != nil {
		if there := string(e.Record.Kind) + "/" + before.There; r.there[there] == key {
			delete(r.there, there)
		}
	}
	r.entries[key] = e
	switch e.State {
	case Begun, Done, Failed:
		if e.There != "" {
			r.there[string(e.Record.Kind)+"/"+e.There] = key
		}
	case Planned, Held, Skipped, Undone, Removed:
	}
}

// Settings gives what the run is gone on with.
func (r *Run) Settings() Settings { return r.settings }

// Set has the run be gone on with these settings.
func (r *Run) Set(s Settings) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s == r.settings {
		return nil
	}
	err := r.lines.add(&settingsLine{s})
	if err == nil {
		r.settings = s
	}
	return err
}

// Put keeps an entry, on the disk too. After one that could not be kept it keeps no
// more: the next process goes on.
func (r *Run) Put(e Entry) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.lines.add(&e); err != nil {
		return err
	}
	r.keep(&e)
	return nil
}

// Get gives what is known of a record, nil: nothing.
func (r *Run) Get(ref *Ref) *Entry { return r.entry(ref.key()) }

func (r *Run) entry(key string) *Entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.entries[key]
}

// made reports whether the run has made a record of the target's, or changed it: it is
// taken by the one that it is of.
func (r *Run) made(kind finding.Kind, there string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, made := r.there[string(kind)+"/"+there]
	return made
}

// Entries gives what is known of all records, in the order they came.
func (r *Run) Entries() []*Entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]*Entry, len(r.order))
	for i, key := range r.order {
		out[i] = r.entries[key]
	}
	return out
}

// Findings gives what is known of all records that are or are to be there.
func (r *Run) Findings() []finding.Finding {
	var out []finding.Finding
	for _, e := range r.Entries() {
		if e.State != Undone && e.State != Removed {
			out = append(out, e.Findings...)
		}
	}
	return out
}

// Close lets another process have the run.
func (r *Run) Close() error {
	var err error
	if r.lines != nil {
		err = r.lines.close()
	}
	if r.lock != nil { // by itself: a process that is being started may have the file open for a moment
		err = errors.Join(err, syscall.Flock(int(r.lock.Fd()), syscall.LOCK_UN), r.lock.Close())
	}
	return err
}

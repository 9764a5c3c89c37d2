package shadow

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Record is one request that was asked twice: a line of the log.
type Record struct {
	At        time.Time `json:"at"`
	Tenant    string    `json:"tenant"`
	Dialect   string    `json:"dialect"`
	Operation string    `json:"operation"`
	Method    string    `json:"method"`
	Path      string    `json:"path,omitempty"` // where values are kept
	// Answers is who answered the client, Status what, RequestID the id of Diglot's
	// own log line.
	Answers   string `json:"answers"`
	RequestID string `json:"request_id,omitempty"`
	Status    int    `json:"status"`
	// Failed is why there was nothing to compare; else the answers are Equal or have
	// Differences.
	Failed      string       `json:"failed,omitempty"`
	Equal       bool         `json:"equal,omitempty"`
	Differences []Difference `json:"differences,omitempty"`
	// Ours and Theirs are the bodies, where those are kept.
	Ours   json.RawMessage `json:"ours,omitempty"`
	Theirs json.RawMessage `json:"theirs,omitempty"`
	// Dropped is how many requests were not asked a second time since the record
	// before.
	Dropped int64 `json:"dropped,omitempty"`
}

// recentRecords is how many differences are kept in memory, recentBytes what they
// may take.
const (
	recentRecords   = 1000
	recentBytes     = 8 << 20
	recordBytes     = 512 // of one beside its differences, differenceBytes of each of these
	differenceBytes = 80
)

// findings is where records go.
type findings struct {
	options Options
	metrics *metrics
	dropped atomic.Int64

	mu     sync.Mutex
	last   []*Record // of what differed, without values, the oldest first
	bytes  int       // that last takes
	failed bool      // to write, and it was said
}

func newFindings(o Options, m *metrics) *findings { return &findings{options: o, metrics: m} }

// add counts and keeps a record. Only workers wait for it.
func (f *findings) add(r *Record) {
	f.metrics.count(r)
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(r.Differences) > 0 {
		f.remember(r)
	}
	if f.options.Log == nil {
		return
	}
	r.Dropped = f.dropped.Swap(0)
	line, err := r.line()
	if err == nil {
		_, err = f.options.Log.Write(line)
	}
	if err != nil && !f.failed {
		f.options.Logger.Error("write the shadow's log; it is tried again with each record", slog.String("error", err.Error()))
	}
	f.failed = err != nil
}

func (f *findings) remember(r *Record) {
	bare := *r
	bare.Path, bare.Ours, bare.Theirs = "", nil, nil
	bare.Differences = make([]Difference, len(r.Differences))
	for i, d := range r.Differences {
		bare.Differences[i] = Difference{Kind: d.Kind, Path: d.Path}
		if d.Kind == Status || d.Kind == Header {
			bare.Differences[i] = d
		}
	}
	f.last = append(f.last, &bare)
	f.bytes += bare.size()
	for len(f.last) > recentRecords || f.bytes > recentBytes {
		f.bytes -= f.last[0].size()
		f.last[0] = nil // the memory is let go of before the list is moved
		f.last = f.last[1:]
	}
}

// line gives a record as the log has it.
func (r *Record) line() ([]byte, error) {
	text, err := json.Marshal(r)
	return append(Escaped(text), '\n'), err
}

// size is about how much memory a record without bodies takes.
func (r *Record) size() int {
	n := recordBytes
	for i := range r.Differences {
		n += differenceBytes + r.Differences[i].size()
	}
	return n
}

func (f *findings) recent(w io.Writer) error {
	f.mu.Lock()
	list := slices.Clone(f.last)
	f.mu.Unlock()
	for _, r := range list {
		line, err := r.line()
		if err != nil {
			return err
		}
		if _, err := w.Write(line); err != nil {
			return err
		}
	}
	return nil
}

// limit has the log begin anew at so many bytes.
func (f *findings) limit(bytes int64) {
	if l, ok := f.options.Log.(*LogFile); ok {
		l.limit(bytes)
	}
}

// oldLogs is how many logs are kept beside the one that is written: FILE.1 is the
// one before it.
const oldLogs = 3

// logMode is what others may do with a log: nothing.
const logMode = 0o600

// LogFile is a log on the disk. At its limit it becomes FILE.1, and so on.
type LogFile struct {
	path string

	mu   sync.Mutex
	file *os.File
	size int64
	most int64
}

// OpenLog opens a log, to go on with it where there is one.
func OpenLog(path string) (*LogFile, error) {
	l := &LogFile{path: path, most: defaultLogMB << 20}
	return l, l.open()
}

func (l *LogFile) open() error {
	file, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_RDWR, logMode)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		return closing(file, err)
	}
	if info.Mode().IsRegular() && info.Mode().Perm() != logMode { // it was there before
		if err := file.Chmod(logMode); err != nil {
			return closing(file, err)
		}
	}
	l.file, l.size = file, info.Size()
	if l.size > 0 { // what a kill cut off is a line of its own, not the beginning of the next
		end := make([]byte, 1)
		if _, err := file.ReadAt(end, l.size-1); err != nil {
			return closing(file, err)
		}
		if end[0] != '\n' {
			if _, err := file.Write([]byte("\n")); err != nil {
				return closing(file, err)
			}
			l.size++
		}
	}
	return nil
}

func closing(file *os.File, err error) error {
	_ = file.Close() // the error that led here is the one to tell
	return err
}

func (l *LogFile) limit(bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.most = bytes
}

// Write implements [io.Writer], for whole lines.
func (l *LogFile) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		if err := l.open(); err != nil {
			return 0, err
		}
	}
	if l.size > 0 && l.size+int64(len(line)) > l.most {
		if err := l.rotate(); err != nil {
			return 0, err
		}
	}
	n, err := l.file.Write(line)
	l.size += int64(n)
	return n, err
}

func (l *LogFile) rotate() error {
	err := l.file.Close()
	l.file = nil
	if err != nil {
		return err
	}
	for i := oldLogs; i > 1; i-- {
		if err := os.Rename(l.old(i-1), l.old(i)); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	if err := os.Rename(l.path, l.old(1)); err != nil {
		return err
	}
	return l.open()
}

func (l *LogFile) old(i int) string { return oldLog(l.path, i) }

func oldLog(path string, i int) string { return path + "." + strconv.Itoa(i) }

// Close implements [io.Closer].
func (l *LogFile) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}

// ReadLog has a report read a log and those before it, the oldest first.
func ReadLog(path string, into *Report) error {
	for i := oldLogs; i >= 0; i-- {
		name := filepath.Clean(path)
		if i > 0 {
			name = oldLog(name, i)
		}
		file, err := os.Open(name)
		if os.IsNotExist(err) && i > 0 {
			continue
		}
		if err != nil {
			return err
		}
		err = into.Read(file)
		_ = file.Close() // it was only read
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

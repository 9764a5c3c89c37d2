package move

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/core"
)

// FileTarget is a file that is written. Until it is whole it has .partial behind
// its name.
type FileTarget struct {
	Path string
	From string // for the manifest
	Now  core.Clock

	own      bool // a file that is there is the run's own
	replaces bool // one that isn't is written anew
	plans    bool // nothing is written

	mu      sync.Mutex
	records map[string]core.JSON // what is in it
	out     *lines
}

func (f *FileTarget) partial() string { return f.Path + ".partial" }

// FileThereError is a file that another run has made.
type FileThereError struct{ Path string }

func (e *FileThereError) Error() string { return e.Path + " is there already" }

// Prepare implements [Target]: it takes up what an earlier process has written.
// [FileThereError].
func (f *FileTarget) Prepare(context.Context, func()) error {
	if f.out != nil {
		_ = f.out.close() // whoever had it open has failed
	}
	f.records, f.out = map[string]core.JSON{}, nil
	whole, err := f.begun()
	if err != nil {
		return err
	}
	if _, err := os.Stat(f.Path); err == nil && whole == 0 {
		switch {
		case f.own: // a run that is done may look again
			return (&File{f.Path}).each(true, f.note)
		case !f.replaces:
			return &FileThereError{f.Path}
		}
	}
	if f.plans {
		f.records = map[string]core.JSON{}
		return nil
	}
	file, err := openFile(f.partial(), os.O_CREATE|os.O_RDWR)
	if err != nil {
		return err
	}
	if f.out, err = linesIn(file, whole); err != nil {
		return err
	}
	if whole > 0 {
		return nil
	}
	return f.write(manifest{FileVersion, f.From, f.Now().UTC().Truncate(time.Second)})
}

// begun reads what an earlier process has written, and gives its length in whole
// lines; of nothing, and of not even one line, that is none.
func (f *FileTarget) begun() (whole int64, err error) {
	in, err := openFile(f.partial(), os.O_RDONLY)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	if err := in.Close(); err != nil {
		return 0, err
	}
	part := File{f.partial()}
	if whole, err = endOfLines(part.Path); err != nil || whole == 0 {
		return 0, err
	}
	return whole, part.each(false, f.note)
}

// openFile opens a file that is no link: whoever may write to the folder could
// have laid one there, for another file to be written over.
func openFile(path string, flags int) (*os.File, error) {
	f, err := os.OpenFile(path, flags|syscall.O_NOFOLLOW, 0o600) //nolint:gosec // the operator names the file
	if errors.Is(err, syscall.ELOOP) {
		return nil, fmt.Errorf("%s is a symbolic link", path)
	}
	return f, err
}

func (f *FileTarget) note(r *fileLine) bool {
	ref := Ref{Kind: r.Kind, ID: r.ID}
	f.records[ref.key()] = core.JSON(r.Record)
	return true
}

// endOfLines gives where a file's last whole line ends, but for the trailer: the file
// may not have got its name behind it.
func endOfLines(path string) (int64, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	end := bytes.LastIndexByte(text, '\n') + 1
	if last := bytes.LastIndexByte(text[:max(end-1, 0)], '\n') + 1; bytes.HasPrefix(text[last:], trailerBegin) {
		end = last
	}
	return int64(end), err
}

func (f *FileTarget) write(line any) error {
	if f.out == nil {
		return fmt.Errorf("%s: %w", f.Path, errWhole)
	}
	return f.out.add(line)
}

// Takes implements [Target].
func (f *FileTarget) Takes(finding.Kind) bool { return true }

// Expect implements [Target]: a file keeps a record's text.
func (f *FileTarget) Expect(item *Item) ([]finding.Finding, error) {
	return same(item.Record, item.Text, item.Text), nil
}

// Compare implements [Target].
func (f *FileTarget) Compare(item *Item, there core.JSON) ([]finding.Finding, error) {
	return same(item.Record, item.Text, there), nil
}

// InPlace implements [Target].
func (f *FileTarget) InPlace(_ context.Context, item *Item) ([]Existing, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	ref := Ref{Kind: item.Record.Kind, ID: item.Record.ID}
	if _, is := f.records[ref.key()]; is {
		return []Existing{{ID: item.Record.ID, Taken: "id"}}, nil
	}
	return nil, nil
}

// Rename implements [Target]: a file has nothing that isn't the run's.
func (f *FileTarget) Rename(*Item, string, int) {}

// Create implements [Target].
func (f *FileTarget) Create(_ context.Context, item *Item) (Made, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := newLine(item)
	if err := f.write(r); err != nil {
		return Made{}, err
	}
	f.note(r)
	return Made{ID: item.Record.ID, Text: item.Text}, nil
}

func newLine(item *Item) *fileLine {
	text := jsontext.Value(item.Text)
	return &fileLine{item.Record.Kind, item.Record.Source, item.Record.ID, digestOf(text), text}
}

// Adopt implements [Target]: the line of a record that was changed at the source since
// is written anew.
func (f *FileTarget) Adopt(_ context.Context, item *Item, id string) (Made, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := newLine(item)
	ref := Ref{Kind: r.Kind, ID: r.ID}
	if !bytes.Equal(f.records[ref.key()], r.Record) {
		if err := f.rewrite(r); err != nil {
			return Made{ID: id}, err
		}
		f.note(r)
	}
	return Made{ID: id, Text: item.Text}, nil
}

// errWhole is a file that a run has ended.
var errWhole = errors.New("the file is whole: move to another one, with another run")

var errFileStays = errors.New("a file's records stay as they are: remove the file")

// Update implements [Target].
func (f *FileTarget) Update(context.Context, *Item, string) (Made, error) {
	return Made{}, errFileStays
}

// Restore implements [Target].
func (f *FileTarget) Restore(context.Context, finding.Kind, string, core.JSON) error {
	return errFileStays
}

// Delete implements [Target].
func (f *FileTarget) Delete(context.Context, finding.Kind, string) error { return errFileStays }

// Read implements [Target].
func (f *FileTarget) Read(_ context.Context, kind finding.Kind, id string) (core.JSON, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.records == nil { // it is only read
		f.records = map[string]core.JSON{}
		if err := (&File{f.Path}).each(true, f.note); err != nil {
			f.records = nil
			return nil, err
		}
	}
	ref := Ref{Kind: kind, ID: id}
	text, is := f.records[ref.key()]
	if !is {
		return nil, ErrGone
	}
	return text, nil
}

// Finish implements [Target]: it writes the last line and gives the file its name.
func (f *FileTarget) Finish(context.Context) error {
	if f.out == nil {
		return nil
	}
	text, err := os.ReadFile(f.partial())
	if err != nil {
		return err
	}
	t := trailer{Records: len(f.records), Counts: map[finding.Kind]int{}, SHA256: digestOf(text)}
	err = (&File{f.partial()}).each(false, func(r *fileLine) bool { t.Counts[r.Kind]++; return true })
	if err != nil {
		return err
	}
	if err := f.write(&t); err != nil {
		return err
	}
	err = errors.Join(f.out.close(), os.Rename(f.partial(), f.Path))
	f.out = nil
	return err
}

package move

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

// FileVersion is the version of the files that are written, and the only one that
// is read. FILES.md in this folder describes them.
const FileVersion = 1

// manifest is a file's first line.
type manifest struct {
	Version int       `json:"diglot_move"`
	From    string    `json:"from"`
	At      time.Time `json:"at"`
}

// fileLine is a line with a record.
type fileLine struct {
	Kind   finding.Kind   `json:"kind"`
	Form   string         `json:"form"`
	ID     string         `json:"id"`
	SHA256 string         `json:"sha256"` // of the record's text, as it stands in the line
	Record jsontext.Value `json:"record"` // the last member
}

// trailer is a file's last line.
type trailer struct {
	Records int                  `json:"records"`
	Counts  map[finding.Kind]int `json:"counts"`
	SHA256  string               `json:"sha256"` // of all lines before it
}

// ErrFile is a file that can't be taken: it is another program's, of another
// version, cut off, or changed since it was written.
var ErrFile = errors.New("the file can't be taken")

func fileError(line int, what string) error {
	return fmt.Errorf("%w: line %d: %s", ErrFile, line, what)
}

// maxLine bounds a line of a file, in bytes.
const maxLine = 64 << 20

// File is a file as a source.
type File struct{ Path string }

// Check reads the whole file and says what keeps it from being taken. ErrFile.
func (f *File) Check() error { return f.each(true, func(*fileLine) bool { return true }) }

// each gives the records of a file. A whole one has a trailer that fits; of one
// that is being written the rest of a line that was not ended is passed over.
func (f *File) each(whole bool, yield func(*fileLine) bool) error {
	in, err := os.Open(f.Path)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // nothing was written
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLine)
	lines.Split(endedLines)
	sum, counts := sha256.New(), map[finding.Kind]int{}
	ended, number, records := false, 0, 0
	lineOf := map[string]int{}
	for lines.Scan() {
		text := lines.Bytes()
		number++
		switch {
		case ended:
			return fileError(number, "there is something behind the last line")
		case number == 1:
			if err := checkManifest(text); err != nil {
				return err
			}
		case bytes.HasPrefix(text, []byte(`{"records":`)):
			if err := checkTrailer(text, number, records, counts, sum); err != nil {
				return err
			}
			ended = true
			continue
		default:
			r, err := readLine(text, number)
			if err != nil {
				return err
			}
			ref := Ref{Kind: r.Kind, ID: r.ID}
			if at, twice := lineOf[ref.key()]; twice {
				return fileError(number, fmt.Sprintf("the %s %q is on line %d already", r.Kind, r.ID, at))
			}
			lineOf[ref.key()] = number
			records++
			counts[r.Kind]++
			if !yield(r) {
				return nil
			}
		}
		_, _ = sum.Write(text)
		_, _ = sum.Write([]byte("\n"))
	}
	switch err := lines.Err(); {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrFile, err)
	case number == 0:
		return fileError(1, "it is no file of diglot move")
	case whole && !ended:
		return fileError(number+1, "the file is cut off: its last line is missing")
	}
	return nil
}

// endedLines splits at newlines, and gives nothing of a line without one.
func endedLines(data []byte, _ bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i], nil
	}
	return 0, nil, nil
}

func checkManifest(text []byte) error {
	var m manifest
	if err := dialects.Decode(text, &m); err != nil || m.Version == 0 {
		return fileError(1, "it is no file of diglot move")
	}
	if m.Version != FileVersion {
		return fileError(1, fmt.Sprintf("it is of version %d, this program reads version %d", m.Version, FileVersion))
	}
	return nil
}

func checkTrailer(text []byte, number, records int, counts map[finding.Kind]int, sum hash.Hash) error {
	var t trailer
	if err := dialects.Decode(text, &t); err != nil {
		return fileError(number, err.Error())
	}
	same := t.Records == records && len(t.Counts) == len(counts)
	for kind, n := range counts {
		same = same && t.Counts[kind] == n
	}
	switch {
	case !same:
		return fileError(number, "it counts other records than there are")
	case t.SHA256 != hex.EncodeToString(sum.Sum(nil)):
		return fileError(number, "a line before it has been changed")
	}
	return nil
}

// formsOf are the kinds of records that there are in each form.
var formsOf = map[string][]finding.Kind{
	Diglot:                 Kinds,
	string(core.Refold):    {finding.Server, finding.Account},
	string(core.CometChat): {finding.Server, finding.Agent},
}

func readLine(text []byte, number int) (*fileLine, error) {
	var r fileLine
	if err := dialects.Decode(text, &r); err != nil {
		return nil, fileError(number, err.Error())
	}
	switch {
	case !slices.Contains(Kinds, r.Kind):
		return nil, fileError(number, fmt.Sprintf("there is no kind of record %q", r.Kind))
	case formsOf[r.Form] == nil:
		return nil, fileError(number, fmt.Sprintf("there is no form of records %q", r.Form))
	case !slices.Contains(formsOf[r.Form], r.Kind):
		return nil, fileError(number, fmt.Sprintf("%s has no %s", r.Form, r.Kind))
	case r.ID == "":
		return nil, fileError(number, "the record has no id")
	}
	r.Record = r.Record.Clone()
	if r.SHA256 != digestOf(r.Record) {
		return nil, fileError(number, "the record has been changed since it was written")
	}
	return &r, nil
}

func digestOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// List implements [Source].
func (f *File) List(_ context.Context, kind finding.Kind) iter.Seq2[Ref, error] {
	return func(yield func(Ref, error) bool) {
		err := f.each(true, func(r *fileLine) bool {
			return r.Kind != kind || yield(Ref{Form: r.Form, Kind: r.Kind, ID: r.ID, Text: core.JSON(r.Record)}, nil)
		})
		if err != nil {
			yield(Ref{}, err)
		}
	}
}

// Read implements [Source]: the list has all there is.
func (f *File) Read(context.Context, Ref) (core.JSON, error) { return nil, ErrGone }

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
	out     *os.File
}

func (f *FileTarget) partial() string { return f.Path + ".partial" }

// FileThereError is a file that another run has made.
type FileThereError struct{ Path string }

func (e *FileThereError) Error() string { return e.Path + " is there already" }

// Prepare implements [Target]: it takes up what an earlier process has written.
// [FileThereError].
func (f *FileTarget) Prepare(context.Context, func()) error {
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
	if f.out, err = openFile(f.partial(), os.O_CREATE|os.O_RDWR); err != nil {
		return err
	}
	if err := f.out.Truncate(whole); err != nil {
		return err
	}
	if _, err := f.out.Seek(whole, io.SeekStart); err != nil {
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

// endOfLines gives where a file's last whole line ends.
func endOfLines(path string) (int64, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	return int64(bytes.LastIndexByte(text, '\n') + 1), err
}

func (f *FileTarget) write(line any) error {
	if f.out == nil {
		return fmt.Errorf("%s: %w", f.Path, errWhole)
	}
	text, err := dialects.Encode(line)
	if err != nil {
		return err
	}
	if _, err := f.out.Write(append(text, '\n')); err != nil {
		return err
	}
	return f.out.Sync()
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
		return []Existing{{item.Record.ID, "id"}}, nil
	}
	return nil, nil
}

// Rename implements [Target]: a file has nothing that isn't the run's.
func (f *FileTarget) Rename(*Item, string, int) {}

// Create implements [Target].
func (f *FileTarget) Create(_ context.Context, item *Item) (Made, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := fileLine{item.Record.Kind, item.Record.Source, item.Record.ID, "", jsontext.Value(item.Text)}
	r.SHA256 = digestOf(r.Record)
	if err := f.write(&r); err != nil {
		return Made{}, err
	}
	f.note(&r)
	return Made{ID: item.Record.ID, Text: item.Text}, nil
}

// Adopt implements [Target].
func (f *FileTarget) Adopt(_ context.Context, item *Item, id string) (Made, error) {
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
	return errors.Join(f.out.Close(), os.Rename(f.partial(), f.Path))
}

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
	"iter"
	"os"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

// FileVersion is the version of the files that are written, and the only one that
// is read. README.md in this folder describes them.
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

var trailerBegin = []byte(`{"records":`)

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
		case bytes.HasPrefix(text, trailerBegin):
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

package move

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"github.com/diglot/diglot/dialects"
)

// rewrite has a record's line be another one: all lines are written beside the part,
// and take its name.
func (f *FileTarget) rewrite(with *fileLine) error {
	if f.out == nil {
		return fmt.Errorf("%s: %w", f.Path, errWhole)
	}
	text, err := os.ReadFile(f.partial())
	if err != nil {
		return err
	}
	text, err = replaceLine(text, with)
	if err != nil {
		return err
	}
	beside := f.partial() + ".new"
	file, err := openFile(beside, os.O_CREATE|os.O_TRUNC|os.O_RDWR)
	if err != nil {
		return err
	}
	if _, err = file.Write(text); err == nil {
		err = file.Sync()
	}
	if err == nil {
		err = os.Rename(beside, f.partial())
	}
	if err != nil {
		return errors.Join(err, file.Close(), os.Remove(beside))
	}
	old := f.out
	f.out, err = linesIn(file, int64(len(text)))
	return errors.Join(err, old.close())
}

// replaceLine gives the text of a file with a record's line as another one.
func replaceLine(text []byte, with *fileLine) (out []byte, err error) {
	number := 0
	for line := range bytes.Lines(text) {
		if number++; number > 1 { // the first is the manifest
			r, err := readLine(bytes.TrimSuffix(line, []byte("\n")), number)
			if err != nil {
				return nil, err
			}
			if r.Kind == with.Kind && r.ID == with.ID {
				if line, err = dialects.Encode(with); err != nil {
					return nil, err
				}
				line = append(line, '\n')
			}
		}
		out = append(out, line...)
	}
	return out, nil
}

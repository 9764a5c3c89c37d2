package move

import (
	"errors"
	"io"
	"os"

	"github.com/diglot/diglot/dialects"
)

// lines is a file that lines are added to, each as a whole or not at all. After one
// that could not be added it takes no more: what a disk that was full or broke has of
// it is not known until the file is opened again.
type lines struct {
	file   *os.File
	end    int64 // where the last one ends
	failed error
}

// linesIn adds lines to a file behind where its last whole one ends; what is behind
// that is cut off. Where that fails it closes the file.
func linesIn(file *os.File, end int64) (*lines, error) {
	err := file.Truncate(end)
	if err == nil {
		_, err = file.Seek(end, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &lines{file: file, end: end}, nil
}

// add adds a line, which is on the disk then.
func (l *lines) add(line any) error {
	if l.failed != nil {
		return l.failed
	}
	text, err := dialects.Encode(line)
	if err != nil {
		return err
	}
	if _, err = l.file.Write(append(text, '\n')); err == nil {
		err = l.file.Sync()
	}
	if err != nil {
		l.failed = err
		_ = l.file.Truncate(l.end) // else the next process does it
		return err
	}
	l.end += int64(len(text)) + 1
	return nil
}

func (l *lines) close() error { return l.file.Close() }

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/diglot/diglot/cmd/diglot/admin"
	"github.com/diglot/diglot/core"
)

// exportTo has a new file written, or the standard output where none is named.
func exportTo(file string, stdout io.Writer, write func(io.Writer) error) error {
	if file == "" {
		return buffered(stdout, write)
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the operator names the file
	if err != nil {
		return err
	}
	if err = buffered(f, write); err == nil {
		err = f.Sync() // or a disk that fails is told to nobody
	}
	return errors.Join(err, f.Close())
}

func buffered(w io.Writer, write func(io.Writer) error) error {
	b := bufio.NewWriter(w)
	if err := write(b); err != nil {
		return err
	}
	return b.Flush()
}

// verifyFile checks an export.
func verifyFile(file string, noted core.ChainHead) (core.ChainHead, error) {
	f, err := os.Open(file) //nolint:gosec // the operator names the file
	if err != nil {
		return core.ChainHead{}, err
	}
	defer func() { _ = f.Close() }() // it was only read
	v := core.ChainVerifier{Noted: noted}
	d := json.NewDecoder(f)
	for n := 1; ; n++ {
		var l admin.Change
		if err := d.Decode(&l); errors.Is(err, io.EOF) {
			return v.End()
		} else if err != nil {
			return core.ChainHead{}, fmt.Errorf("line %d: %w", n, err)
		}
		c, err := l.ToCore()
		if err != nil {
			return core.ChainHead{}, fmt.Errorf("line %d: %w", n, err)
		}
		if err := v.Next(&c); err != nil {
			return core.ChainHead{}, err
		}
	}
}

package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/diglot/diglot/core"
)

// changeLine is a change as `-o json` and an export print it. before and after
// are JSON in a text, so that whoever reads the line has the very text that the
// digest is of.
type changeLine struct {
	Tenant       core.TenantID  `json:"tenant"`
	Seq          int64          `json:"seq"`
	Time         string         `json:"time"`
	ActorKind    core.ActorKind `json:"actor_kind"`
	Actor        string         `json:"actor"`
	Dialect      string         `json:"dialect"`
	RequestID    string         `json:"request_id"`
	Action       string         `json:"action"`
	Noun         string         `json:"noun"`
	Record       string         `json:"record"`
	Revision     int64          `json:"revision,omitempty"`
	Before       *string        `json:"before"`
	After        *string        `json:"after"`
	BeforeDigest string         `json:"before_digest"`
	AfterDigest  string         `json:"after_digest"`
	Hash         string         `json:"hash"`
}

func fromChange(c *core.Change) changeLine {
	return changeLine{
		Tenant: c.Tenant, Seq: c.Seq, Time: core.ChangeTime(c.At), ActorKind: c.Kind, Actor: c.ID, Dialect: c.Dialect,
		RequestID: c.RequestID, Action: c.Action, Noun: c.Noun, Record: c.Record, Revision: c.Revision,
		Before: imageText(c.Before), After: imageText(c.After),
		BeforeDigest: hex.EncodeToString(c.BeforeDigest), AfterDigest: hex.EncodeToString(c.AfterDigest),
		Hash: hex.EncodeToString(c.Hash[:]),
	}
}

func imageText(image core.JSON) *string {
	if image == nil {
		return nil
	}
	return new(string(image))
}

func (l *changeLine) toCore() (c core.Change, err error) {
	c = core.Change{
		Tenant: l.Tenant, Seq: l.Seq, Action: l.Action, Noun: l.Noun, Record: l.Record, Revision: l.Revision,
		Actor: core.Actor{Kind: l.ActorKind, ID: l.Actor, Dialect: l.Dialect, RequestID: l.RequestID},
	}
	if c.At, err = time.Parse(time.RFC3339Nano, l.Time); err != nil {
		return c, err
	}
	if l.Before != nil {
		c.Before = core.JSON(*l.Before)
	}
	if l.After != nil {
		c.After = core.JSON(*l.After)
	}
	if c.BeforeDigest, err = digest(l.BeforeDigest); err != nil {
		return c, err
	}
	if c.AfterDigest, err = digest(l.AfterDigest); err != nil {
		return c, err
	}
	hash, err := digest(l.Hash)
	if copy(c.Hash[:], hash) != len(c.Hash) && err == nil {
		err = errors.New("a hash has 64 hex digits")
	}
	return c, err
}

func digest(text string) ([]byte, error) {
	if text == "" {
		return nil, nil
	}
	return hex.DecodeString(text)
}

func writeChange(w io.Writer, c *core.Change) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(fromChange(c))
}

// exportTo has a new file written, or the standard output where none is named.
func exportTo(file string, stdout io.Writer, write func(io.Writer) error) (err error) {
	w := stdout
	if file != "" {
		f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the operator names the file
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		w = f
	}
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
		var l changeLine
		if err := d.Decode(&l); errors.Is(err, io.EOF) {
			return v.End()
		} else if err != nil {
			return core.ChainHead{}, fmt.Errorf("line %d: %w", n, err)
		}
		c, err := l.toCore()
		if err != nil {
			return core.ChainHead{}, fmt.Errorf("line %d: %w", n, err)
		}
		if err := v.Next(&c); err != nil {
			return core.ChainHead{}, err
		}
	}
}

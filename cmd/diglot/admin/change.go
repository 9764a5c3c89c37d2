package admin

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/diglot/diglot/core"
)

// Change is an entry of a history, as a line of an export has it too. Before and
// After are JSON in a text, so that whoever reads the line has the very text that the
// digest is of.
type Change struct {
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

// FromChange gives an entry.
func FromChange(c *core.Change) Change {
	return Change{
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

// ToCore reads an entry back.
func (l *Change) ToCore() (c core.Change, err error) {
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

// WriteChange writes an entry as a line.
func WriteChange(w io.Writer, c *core.Change) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(FromChange(c))
}

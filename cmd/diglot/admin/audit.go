package admin

import (
	"errors"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/diglot/diglot/core"
)

// history gives whose entries an operation is about: the tenant's that its path
// names, else the installation's.
func (h *Handler) history(r *request) (core.TenantID, error) {
	if r.PathValue("tenant") == "" {
		return core.Installation, nil
	}
	t, err := h.tenant(r)
	return t.ID, err
}

// changes gives which entries are asked for.
func (r *request) changes() (core.ChangeQuery, error) {
	q := core.ChangeQuery{
		Kind: core.ActorKind(r.query["actor_kind"]), Actor: r.query["actor"], Dialect: r.query["dialect"], RequestID: r.query["request_id"],
		Action: r.query["action"], Noun: r.query["noun"], Record: r.query["record"],
	}
	var wrong []FieldError
	if e, unknown := errors.AsType[*core.Error](q.Validate()); unknown {
		for field, detail := range e.Fields {
			if field == "kind" {
				field = "actor_kind"
			}
			wrong = append(wrong, FieldError{Parameter: field, Detail: detail})
		}
	}
	for name, to := range map[string]*time.Time{"since": &q.Since, "until": &q.Until} {
		text, given := r.query[name]
		at, err := time.Parse(time.RFC3339Nano, text)
		if given && err != nil {
			wrong = append(wrong, FieldError{Parameter: name, Detail: "must be a time such as 2027-01-31T00:00:00Z"})
		}
		*to = at
	}
	slices.SortFunc(wrong, func(a, b FieldError) int { return strings.Compare(a.Parameter, b.Parameter) })
	return q, wrongParameters(wrong)
}

// seqBefore gives the seq that a cursor of that list says, 0 without one.
func (r *request) seqBefore(list string) (int64, error) {
	last, err := r.afterOf(list, 1)
	if last == nil || err != nil {
		return 0, err
	}
	seq, err := strconv.ParseInt(last[0], 10, 64)
	if err != nil || seq < 1 {
		return 0, errCursor
	}
	return seq, nil
}

// changePage makes a page of entries. Where their images fill it, the last one is
// left for the next page, but the only one: whether another follows is not known
// then, and the next page may be empty.
func changePage(r *request, list string, found []core.Change) reply {
	more := len(found) > r.limit
	if core.ImagesFill(found) {
		more = len(found) > 1 || found[0].Seq > 1
		r.limit = min(r.limit, max(len(found)-1, 1))
	}
	return pageOf(r, found, more, func(c core.Change) Change { return FromChange(&c) },
		func(c core.Change) string { return cursor(list, strconv.FormatInt(c.Seq, 10)) })
}

func (h *Handler) listChanges(r *request) (reply, error) {
	before, err := r.seqBefore("changes")
	if err != nil {
		return reply{}, err
	}
	q, err := r.changes()
	if err != nil {
		return reply{}, err
	}
	tenant, err := h.history(r)
	if err != nil {
		return reply{}, err
	}
	q.Newest, q.Before, q.Limit = true, before, r.limit+1
	found, err := h.Operator.Changes(r.ctx, tenant, q)
	return changePage(r, "changes", found), err
}

// Verified is what came of checking a chain.
type Verified struct {
	Intact bool `json:"intact"`
	// Changes is how many are as they were written, from the first on, and Head
	// where they end, for noting elsewhere; "" where there are none.
	Changes int64   `json:"changes"`
	Head    string  `json:"head"`
	Broken  *Broken `json:"broken,omitempty"`
}

// Broken is where a chain is broken.
type Broken struct {
	Seq int64  `json:"seq"` // the first entry that is not as it was written, or is missing
	Why string `json:"why"`
}

func (h *Handler) verifyChanges(r *request) (reply, error) {
	var noted core.ChainHead
	if text, given := r.query["head"]; given {
		var err error
		if noted, err = core.ParseChainHead(text); err != nil {
			return reply{}, wrongParameters([]FieldError{{Parameter: "head", Detail: "must be seq:hash, a seq from 1 on and 64 hex digits"}})
		}
	}
	tenant, err := h.history(r)
	if err != nil {
		return reply{}, err
	}
	verified, err := FromVerified(h.Operator.VerifyChanges(r.ctx, tenant, noted))
	return reply{status: http.StatusOK, body: verified}, err
}

// FromVerified gives what came of checking a chain; that it is broken is no error.
func FromVerified(head core.ChainHead, err error) (Verified, error) {
	v := Verified{Intact: err == nil, Changes: head.Seq}
	if head.Seq > 0 {
		v.Head = head.String()
	}
	if broken, is := errors.AsType[*core.BrokenChainError](err); is {
		v.Broken, err = &Broken{broken.Seq, broken.Why}, nil
	}
	return v, err
}

func (h *Handler) exportChanges(r *request) (reply, error) {
	q, err := r.changes()
	if err != nil {
		return reply{}, err
	}
	tenant, err := h.history(r)
	if err != nil {
		return reply{}, err
	}
	return reply{stream: func(w io.Writer) error {
		return h.Operator.EachChange(r.ctx, tenant, q, func(c *core.Change) error { return WriteChange(w, c) })
	}}, nil
}

// Pruned is of how many changes the images were erased.
type Pruned struct {
	Pruned int `json:"pruned"`
}

func (h *Handler) pruneChanges(r *request) (reply, error) {
	age := h.KeepImagesFor
	if seconds := r.body.integer("older_than_seconds", 0, maxSeconds); seconds != nil {
		age = time.Duration(*seconds) * time.Second
	}
	keepBytes := r.body.integer("keep_bytes", 1, math.MaxInt64)
	if err := r.body.check(nil); err != nil {
		return reply{}, err
	}
	n, err := h.Operator.EraseImages(r.ctx, age)
	if err == nil && keepBytes != nil {
		var more int
		more, err = h.Operator.EraseImagesBeyond(r.ctx, *keepBytes)
		n += more
	}
	return reply{status: http.StatusOK, body: Pruned{n}}, err
}

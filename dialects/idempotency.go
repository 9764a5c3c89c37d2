package dialects

import (
	"bytes"
	"context"
	"crypto/sha256"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"

	"github.com/diglot/diglot/core"
)

// Creations that happen once are ours: neither vendor has them. Without the
// header nothing is other than it was.

const (
	// IdempotencyKeyHeader makes a creation happen once, however often it is asked
	// for: 1 to 255 printable ASCII characters.
	IdempotencyKeyHeader = "Idempotency-Key"
	// ReplayedHeader says true of an answer that was given before.
	ReplayedHeader = "Idempotency-Replayed"
)

const maxIdempotencyKeyBytes = 255

var replayed = []string{"true"}

// onceOf gives what a request says of being served once, nil where it says
// nothing. Its digest is the body's, once that was read.
func onceOf(r *http.Request, operation string, who *core.Principal, now core.Clock) (*core.Once, error) {
	given, asked := r.Header[IdempotencyKeyHeader]
	if !asked {
		return nil, nil //nolint:nilnil // nothing was said, and nothing is wrong
	}
	if len(given) != 1 || !validKey(given[0]) {
		return nil, &core.Error{Kind: core.Invalid, Noun: "idempotency_key", Message: "the idempotency key is not 1 to 255 printable characters"}
	}
	scope := "key " + who.KeyID
	if who.Session != nil {
		scope = "account " + who.Account
	}
	return &core.Once{Scope: scope + " " + operation, Key: given[0], At: now()}, nil
}

func validKey(key string) bool {
	for i := range len(key) {
		if key[i] < ' ' || key[i] > '~' {
			return false
		}
	}
	return key != "" && len(key) <= maxIdempotencyKeyBytes
}

// Keep says how what a request is about to create will be answered, for it to be
// kept with what was created; show gets what core's call would give.
func Keep[Record any](ctx context.Context, status int, show func(*Record) *Answer) {
	o := core.OnceOf(ctx)
	if o == nil {
		return
	}
	o.Answer = func(record any) (core.KeptAnswer, error) {
		a := show(record.(*Record))
		var b bytes.Buffer
		err := json.MarshalWrite(&b, a.Body, output)
		return core.KeptAnswer{Status: status, Body: b.Bytes(), Version: a.Version, View: a.View}, err
	}
}

// replay gives the answer that was kept, or why there is none to give.
func (k *Kit) replay(ctx context.Context, who *core.Principal, o *core.Once, refused error) (*core.KeptAnswer, error) {
	if kind := core.KindOf(refused); kind != core.Conflict && kind != core.NotFound && kind != core.OverQuota {
		return nil, refused
	}
	kept, err := k.Kept(ctx, who.Tenant.ID, o)
	switch {
	case err == nil:
		return &kept, nil
	case core.KindOf(err) != core.NotFound:
		return nil, err
	case core.IsConflictOn(refused, "idempotency_key"): // it expired at this moment
		return nil, &core.Error{Kind: core.Unavailable, Noun: "idempotency_key", Message: "the kept answer is gone", Err: refused}
	}
	return nil, refused
}

// writeKept writes an answer that was kept.
func writeKept(w http.ResponseWriter, r *http.Request, a *core.KeptAnswer) {
	h := w.Header()
	h[ReplayedHeader] = replayed
	h["Etag"] = []string{tagOf(w, r, a.Version, a.View)}
	if h["Etag"][0] == "" {
		h["Etag"][0] = entityTag(a.Body)
	}
	h["Content-Type"] = contentType
	h["Content-Length"] = []string{strconv.Itoa(len(a.Body))}
	w.WriteHeader(a.Status)
	_, _ = w.Write(a.Body) // the client may be gone; there is nobody left to tell
}

// digestOf is what bodies are compared by.
func digestOf(body []byte) [sha256.Size]byte { return sha256.Sum256(body) }

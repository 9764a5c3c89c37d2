package dialects

import (
	"context"
	"crypto/sha1" //nolint:gosec // Express's entity tags are made of it
	"hash"
	"net/http"

	"github.com/go-json-experiment/json"

	"github.com/diglot/diglot/core"
)

// Answers is the memory that answers may take, of all dialects that share it:
// what their requests read of the store, as it is read, and their bodies, until
// they are written. An answer of up to [core.FreeBytes] is not counted. It is
// safe for concurrent use.
type Answers struct {
	budget

	alone int64 // bytes of a tenant's only answer
}

const (
	// DefaultAnswerMemory is what [NewAnswers] gets where nobody says otherwise, in
	// bytes: a page of 100 records of a MiB is answered.
	DefaultAnswerMemory = 128 << 20
	// MinAnswerMemory has room for the record that one body makes.
	MinAnswerMemory = 2 * core.MaxBodyBytes

	// others is the part of it that no one tenant takes, an eighth.
	others = 8
)

// NewAnswers gives memory for answers, most bytes of it, a quarter for each
// tenant; its only answer may take seven eighths.
func NewAnswers(most int) *Answers {
	n := int64(most)
	return &Answers{budget: newBudget(n, n/shares), alone: n - n/others}
}

// Why there is no memory for an answer.
var (
	errAnswerShare  = &core.Error{Kind: core.TooMany, Noun: "tenant", Message: "answers to the tenant take as much memory as they may"}
	errAnswerMemory = &core.Error{Kind: core.Unavailable, Noun: "service", Message: "answers take as much memory as they may"}
)

// Take implements [core.Memory].
func (a *Answers) Take(tenant core.TenantID, had, more int64, owed bool) error {
	switch own, all := a.take(tenant, had, more, a.alone, owed); {
	case own:
		return errAnswerShare
	case all:
		return errAnswerMemory
	}
	return nil
}

// Room implements [core.Memory]. One large answer is in no change's way.
func (a *Answers) Room(tenant core.TenantID) error {
	if a.of.get(tenant).Load() >= a.alone {
		return errAnswerShare
	}
	return nil
}

// metered gives the context with a meter for the request's answer.
func (r *Request) metered(ctx context.Context, a *Answers, changes bool) context.Context {
	if a == nil {
		return ctx
	}
	r.meter = core.Metered{Context: ctx, Meter: core.Meter{Memory: a, Tenant: r.tenant, Changes: changes}}
	return &r.meter
}

// maxWholeBytes is up to where an answer is made as a whole. Larger ones are made
// twice, once for their tag and length, and never held beside what they are made
// of.
const maxWholeBytes = 1 << 20

// writeInParts is writeJSON for large answers.
func writeInParts(w http.ResponseWriter, r *http.Request, status int, tag string, v any) error {
	sum := summed{Hash: sha1.New()} //nolint:gosec // see above
	if err := json.MarshalWrite(&sum, v, output); err != nil {
		return &core.Error{Message: "encode the answer", Err: err}
	}
	if tag == "" {
		tag = tagOfSum(sum.length, [sha1.Size]byte(sum.Sum(nil)))
	}
	if writeHeader(w, r, status, tag, sum.length) {
		_ = json.MarshalWrite(w, v, output) // the client may be gone; there is nobody left to tell
	}
	return nil
}

// summed is a hash that knows the length of what was written.
type summed struct {
	hash.Hash

	length int // bytes
}

// Write implements [io.Writer].
func (s *summed) Write(b []byte) (int, error) {
	s.length += len(b)
	return s.Hash.Write(b)
}

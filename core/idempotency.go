package core

import (
	"context"
	"time"
)

// KeepAnswersFor is how long the answer to a creation is kept for a client that
// asks again with the same idempotency key.
const KeepAnswersFor = 24 * time.Hour

// KeptAnswer is what a creation was answered with.
type KeptAnswer struct {
	Digest  [32]byte // SHA-256 of the request's body
	Status  int
	Body    []byte
	Version Version // of the record that was created; "": it has none
	View    string  // what a dialect keeps beside the version
}

// Once makes a creation one that happens once however often it is asked for: the
// store keeps its answer in the transaction that adds the record, and refuses
// the record as a Conflict on "idempotency_key" where an answer is kept. It is
// of one request.
type Once struct {
	Scope  string // who asks for what: keys of another scope are other keys
	Key    string // the client's
	Digest [32]byte
	At     time.Time // when the request came
	// Answer gives what the record is answered with, a pointer to it, as it is
	// about to be stored. The digest is filled in.
	Answer func(record any) (KeptAnswer, error)
}

// Kept gives the answer to keep for a record.
func (o *Once) Kept(record any) (KeptAnswer, error) {
	a, err := o.Answer(record)
	a.Digest = o.Digest
	return a, err
}

type onceKey struct{}

// WithOnce says that what is created with the context is to be created once;
// nil says nothing.
func WithOnce(ctx context.Context, o *Once) context.Context {
	if o == nil {
		return ctx
	}
	return context.WithValue(ctx, onceKey{}, o)
}

// OnceOf gives what [WithOnce] said, else nil.
func OnceOf(ctx context.Context) *Once {
	o, _ := ctx.Value(onceKey{}).(*Once)
	return o
}

// KeptAnswer gives the answer that was kept for a creation. NotFound; KeyReused
// where it was the answer to another body.
func (s *Service) KeptAnswer(ctx context.Context, tenant TenantID, o *Once) (KeptAnswer, error) {
	a, err := s.store.KeptAnswer(ctx, tenant, o.Scope, o.Key, o.At)
	if err == nil && a.Digest != o.Digest {
		return KeptAnswer{}, &Error{Kind: KeyReused, Noun: "idempotency_key", Message: "the idempotency key was used with another body"}
	}
	return a, err
}

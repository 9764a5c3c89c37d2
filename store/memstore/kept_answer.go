package memstore

import (
	"bytes"
	"context"
	"time"

	"github.com/diglot/diglot/core"
)

// answerKey is what an answer is kept under.
type answerKey struct{ scope, key string }

type keptAnswer struct {
	core.KeptAnswer

	expires time.Time
}

// KeptAnswer implements [core.Store].
func (s *Store) KeptAnswer(
	ctx context.Context, id core.TenantID, scope, key string, at time.Time,
) (a core.KeptAnswer, err error) {
	err = s.read(ctx, id, func(t *tenant) error {
		k, ok := t.kept[answerKey{scope, key}]
		if !ok || !k.expires.After(at) {
			return notFound("idempotency_key")
		}
		a = k.KeptAnswer
		a.Body = bytes.Clone(a.Body)
		return nil
	})
	return a, err
}

// once adds a record and keeps the answer to it, where it is to be created once.
func (t *tenant) once(ctx context.Context, record any, add func() error) error {
	o := core.OnceOf(ctx)
	if o == nil {
		return add()
	}
	key := answerKey{o.Scope, o.Key}
	if k, ok := t.kept[key]; ok && k.expires.After(o.At) {
		return conflict("idempotency_key", "idempotency_key")
	}
	if err := add(); err != nil {
		return err
	}
	for k, a := range t.kept {
		if !a.expires.After(o.At) {
			delete(t.kept, k)
		}
	}
	a, err := o.Kept(record)
	a.Body = bytes.Clone(a.Body)
	t.kept[key] = keptAnswer{a, o.At.Add(core.KeepAnswersFor)}
	return err
}

package core

import "context"

// ActorKind says what somebody acts by.
type ActorKind string

// The kinds of actors.
const (
	KeyActor      ActorKind = "key"      // an API key, by its id
	SessionActor  ActorKind = "session"  // a session token, by its linked account
	OperatorActor ActorKind = "operator" // who runs Diglot, by name
	DatabaseActor ActorKind = "database" // nobody said who, by the database login
)

// Actor is who makes a change and how it came. Stores enter it beside the
// change, see [Change].
type Actor struct {
	Kind      ActorKind
	ID        string // text without U+0000
	Dialect   string // "": by no dialect
	RequestID string // "": it is no request
}

type actorKey struct{}

// WithActor has all that is changed with the context be a's doing.
func WithActor(ctx context.Context, a *Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// ActorOf gives who acts with a context; nil: it does not say.
func ActorOf(ctx context.Context) *Actor {
	a, _ := ctx.Value(actorKey{}).(*Actor)
	return a
}

package core

import (
	"context"
	"time"
)

// CreateKey makes the value a key of the tenant in a dialect that may do
// everything there and never expires. See [Operator.IssueKey].
func (o *Operator) CreateKey(ctx context.Context, t Tenant, dialect DialectName, value string) (Key, error) {
	return o.IssueKey(ctx, t, NewKey{Dialect: dialect, Value: value})
}

// IssueKey makes a value a key of the tenant; only its hash and its end are
// kept. Invalid when the tenant has no address in the dialect, for any scope of
// a Refold key, and for an expiry that is not to come; Conflict on "key" when the
// value is a key already, on "status" when the tenant is being deleted.
func (o *Operator) IssueKey(ctx context.Context, t Tenant, in NewKey) (Key, error) {
	k, err := o.newKey(t, in)
	if err != nil {
		return Key{}, err
	}
	return k, o.directory.CreateKey(ctx, k)
}

func (o *Operator) newKey(t Tenant, in NewKey) (Key, error) {
	if err := t.mustHave(in.Dialect); err != nil {
		return Key{}, err
	}
	switch {
	case t.Status == TenantDeleting:
		return Key{}, ErrTenantDeleting
	case in.Scope == "":
		in.Scope = FullAccess
	case in.Dialect == Refold:
		return Key{}, invalid("key", map[string]string{"scope": "is for CometChat keys: Refold's have none"})
	case !in.Scope.Valid():
		return Key{}, invalid("key", map[string]string{"scope": "must be fullAccess or authOnly"})
	}
	if expired(in.ExpiresAt, o.now()) {
		return Key{}, invalid("key", map[string]string{"expires": "must be in the future"})
	}
	// Also by an instance that knows the oldest version alone the key is found, and
	// is no other's: a value is one key, whichever version it was first made under.
	hashes := o.secret.KeyHashes(in.Dialect, in.Value)
	oldest := hashes[len(hashes)-1]
	k := Key{
		ID: o.newUUID(), Tenant: t.ID, Dialect: in.Dialect, Scope: in.Scope,
		Hash: oldest.Hash, HashVersion: oldest.Version, Hint: hint(in.Value),
		CreatedAt: o.today(), ExpiresAt: in.ExpiresAt,
	}
	if len(hashes) > 1 {
		k.Next = &hashes[0]
	}
	return k, nil
}

// ErrTenantDeleting is why nothing is added to a tenant any more, and why it
// can't be suspended or resumed.
var ErrTenantDeleting error = &Error{
	Kind: Conflict, Noun: "tenant", Fields: map[string]string{"status": "is deleting"}, Message: "the tenant is being deleted",
}

// ErrTenantNotDeleting is why nothing of a tenant is removed.
var ErrTenantNotDeleting error = &Error{
	Kind: Conflict, Noun: "tenant", Fields: map[string]string{"status": "is not deleting"}, Message: "the tenant is not being deleted",
}

// ErrKeyEnded is why a key is not rotated.
var ErrKeyEnded error = &Error{
	Kind: Conflict, Noun: "key", Fields: map[string]string{"status": "is not active"}, Message: "the key has expired or was revoked",
}

func (t *Tenant) mustHave(dialect DialectName) error {
	switch {
	case dialect == Refold && t.Refold != nil, dialect == CometChat && t.CometChat != nil:
		return nil
	case dialect == Refold || dialect == CometChat:
		return invalid("key", map[string]string{"dialect": "is " + string(dialect) + ", and tenant " + t.Name + " has no address there"})
	default:
		return invalid("key", map[string]string{"dialect": "must be refold or cometchat"})
	}
}

// ImportKeys makes values that clients already hold keys of the tenant, all of
// them or none. They are 16 to 512 printable ASCII characters without spaces;
// what else a dialect's keys look like is not asked for. Errors are
// [Operator.IssueKey]'s; one about a value is a [KeyValueError]: Invalid, or
// Conflict on "key" when it is a key already or comes twice.
func (o *Operator) ImportKeys(
	ctx context.Context, t Tenant, dialect DialectName, scope KeyScope, values []string,
) ([]Key, error) {
	keys, seen := make([]Key, len(values)), make(map[KeyHash]struct{}, len(values))
	for i, value := range values {
		if wrong := checkKeyValue(value); wrong != "" {
			return nil, &KeyValueError{i, &Error{
				Kind: Invalid, Noun: "key", Fields: map[string]string{"key": wrong}, Message: "the value " + wrong,
			}}
		}
		k, err := o.newKey(t, NewKey{Dialect: dialect, Scope: scope, Value: value})
		if err != nil {
			return nil, err
		}
		if _, twice := seen[k.Hash]; twice {
			return nil, KeyTaken(i)
		}
		seen[k.Hash] = struct{}{}
		keys[i] = k
	}
	if len(keys) == 0 {
		return nil, invalid("key", map[string]string{"keys": "must not be empty"})
	}
	return keys, o.directory.CreateKeys(ctx, keys)
}

// Keys gives a tenant's keys, the oldest first, also those that are good no more.
func (o *Operator) Keys(ctx context.Context, t Tenant) ([]Key, error) {
	return o.directory.Keys(ctx, t.ID)
}

// Key gives the key of that id and its tenant. NotFound.
func (o *Operator) Key(ctx context.Context, id string) (Tenant, Key, error) {
	return o.directory.Key(ctx, id)
}

// KeyStatus gives a key's status now.
func (o *Operator) KeyStatus(k Key) KeyStatus { return k.Status(o.now()) }

// RotateKey makes the value a key with the tenant, dialect and scope of the key
// of that id, which is good for the overlap yet, or for less where it expires
// before; without an overlap it is revoked. It gives the next key, and the old one
// as it is then. expiresAt is the next one's. NotFound; Conflict on "status" for a
// key that is good no more, on "key" when the value is a key already; Invalid for
// an overlap below 0 and an expiry that is not to come.
func (o *Operator) RotateKey(
	ctx context.Context, id, value string, overlap time.Duration, expiresAt *time.Time,
) (next, old Key, err error) {
	t, old, err := o.directory.Key(ctx, id)
	if err != nil {
		return Key{}, Key{}, err
	}
	now := o.now()
	switch status := old.Status(now); {
	case overlap < 0:
		return Key{}, Key{}, invalid("key", map[string]string{"overlap": "must not be negative"})
	case status == KeyRevoked, status == KeyExpired:
		return Key{}, Key{}, ErrKeyEnded
	}
	in := NewKey{Dialect: old.Dialect, Value: value, ExpiresAt: expiresAt}
	if old.Dialect != Refold {
		in.Scope = old.Scope
	}
	if next, err = o.newKey(t, in); err != nil {
		return Key{}, Key{}, err
	}
	var endsAt *time.Time
	if overlap > 0 {
		endsAt = new(now.UTC().Add(overlap).Truncate(time.Millisecond))
	}
	old, err = o.directory.RotateKey(ctx, id, endsAt, next)
	if err = o.changed(t.ID, err); err != nil {
		return Key{}, Key{}, err
	}
	return next, old, nil
}

// RevokeKey ends a key at once and for good: its value can't be a key again. It
// gives the key as it is then. NotFound.
func (o *Operator) RevokeKey(ctx context.Context, id string) (Key, error) {
	k, err := o.directory.RevokeKey(ctx, id, o.today())
	if err != nil {
		return Key{}, err
	}
	return k, o.changed(k.Tenant, nil)
}

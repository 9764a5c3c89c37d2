package core

import (
	"fmt"
	"time"
)

// KeyScope says what a key may do. It is CometChat's notion: Refold's keys all
// have [FullAccess].
type KeyScope string

// The scopes of keys, in CometChat's words.
const (
	FullAccess KeyScope = "fullAccess"
	AuthOnly   KeyScope = "authOnly" // creates users and auth tokens at the vendor, and so may do nothing here
)

// Valid reports whether it is one of the scopes there are.
func (s KeyScope) Valid() bool { return s == FullAccess || s == AuthOnly }

// Key is an API key as it is kept: its value is known only as a keyed hash. It
// is good until it expires or is revoked; then it stays, for lists.
type Key struct {
	ID      string // UUID
	Tenant  TenantID
	Dialect DialectName
	Scope   KeyScope
	// Hash is under the oldest version of the secret that is in use: a key is found
	// by it, also by an instance that knows no newer one.
	Hash        KeyHash
	HashVersion int
	Next        *VersionedHash // under a newer version: takes Hash's place when its version is retired; nil: not yet known
	Hint        string         // the end of the value, for people to tell keys apart; empty: not known
	CreatedAt   time.Time
	ExpiresAt   *time.Time // the first moment that it is not good, by the gateway's clock; nil: never
	RevokedAt   *time.Time // nil: it was not
	LastUsedAt  *time.Time // when a gateway last took it, about half a minute late; nil: never
}

// KeyStatus says whether a key is good.
type KeyStatus string

// The statuses of a key.
const (
	KeyActive   KeyStatus = "active"
	KeyExpiring KeyStatus = "expiring" // good, and will expire
	KeyExpired  KeyStatus = "expired"
	KeyRevoked  KeyStatus = "revoked"
)

// Status gives the key's status at a time.
func (k *Key) Status(now time.Time) KeyStatus {
	switch {
	case k.RevokedAt != nil:
		return KeyRevoked
	case expired(k.ExpiresAt, now):
		return KeyExpired
	case k.ExpiresAt != nil:
		return KeyExpiring
	default:
		return KeyActive
	}
}

func expired(at *time.Time, now time.Time) bool { return at != nil && !now.Before(*at) }

// KeyUse is when a key was last used.
type KeyUse struct {
	Tenant TenantID
	KeyID  string
	At     time.Time
}

// KeyRehash is a key's hash under the newest version of the secret, to be kept
// beside the one that the key has.
type KeyRehash struct {
	Tenant TenantID
	KeyID  string
	From   KeyHash
	Next   VersionedHash
}

// NewKey is a key to make.
type NewKey struct {
	Dialect   DialectName
	Scope     KeyScope // empty: [FullAccess]
	Value     string
	ExpiresAt *time.Time // nil: never
}

// The lengths of a key that somebody else made, in bytes.
const (
	minKeyBytes = 16
	maxKeyBytes = 512
)

// hintBytes is how much of a value its hint shows.
const hintBytes = 4

// hint gives the end of a value, unless that would be much of it.
func hint(value string) string {
	if len(value) < minKeyBytes {
		return ""
	}
	return value[len(value)-hintBytes:]
}

// checkKeyValue says what keeps a value from being a key; empty: nothing.
func checkKeyValue(value string) string {
	if len(value) < minKeyBytes || len(value) > maxKeyBytes {
		return fmt.Sprintf("has %d bytes: a key has %d to %d", len(value), minKeyBytes, maxKeyBytes)
	}
	for i := range len(value) {
		if value[i] <= ' ' || value[i] > '~' {
			return "has a character that no key has: they are printable ASCII without spaces"
		}
	}
	return ""
}

// KeyValueError is an [Invalid] or a [Conflict] about one of several values
// that were to be keys. It never has the value.
type KeyValueError struct {
	Index int // of the value, from 0
	Err   *Error
}

// Error implements error.
func (e *KeyValueError) Error() string { return fmt.Sprintf("key %d: %s", e.Index+1, e.Err.Error()) }

// Unwrap gives the classified failure.
func (e *KeyValueError) Unwrap() error { return e.Err }

// KeyTaken is what is wrong with a value that is a key already, whoever's it is,
// and also where that has expired or was revoked.
func KeyTaken(index int) *KeyValueError {
	return &KeyValueError{index, &Error{
		Kind: Conflict, Noun: "key", Fields: map[string]string{"key": "is taken"}, Message: "the value is a key already",
	}}
}

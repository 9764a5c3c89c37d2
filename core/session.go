package core

import (
	"context"
	"regexp"
	"strconv"
	"time"
)

// SessionID is how a session is known in its tenant. All of it stands in the
// session's token, so that nothing of the token need be kept to know it again.
// It is comparable.
type SessionID struct {
	Account   string // the linked account that the session acts for
	IssuedAt  int64  // seconds since the epoch
	ExpiresAt int64  // seconds since the epoch
	KeyID     string // of the [SigningKey] that the token is signed with
}

// Session is what a session token is issued for: it lives until it expires, is
// revoked, its account is deleted or its key is retired. None of that is undone.
type Session struct {
	SessionID

	RefreshExpiresAt int64 // seconds since the epoch; never before ExpiresAt
}

// NewSession is what a client says of a session that it asks for.
type NewSession struct {
	Account         string
	Lifetime        time.Duration // in whole seconds, the rest is cut off
	RefreshLifetime time.Duration // no less than Lifetime, or it counts as that
	// Fresh: a new one even where the account has one that lives, unless that was
	// issued in the same second.
	Fresh bool
}

// SessionRequest is a session to issue, with all that depends on the time settled.
type SessionRequest struct {
	// Session is what a new one is. The store chooses its key. Where the account
	// has one of the same moment, expiry and key that lives, that is given: it has
	// the same token. Where that one has ended, also with an account that was
	// there before, the new one expires, and its refresh does, later by as little
	// as makes it none that has ended.
	Session

	// Fresh: not one of another moment, even where the account has one that lives. Else the newest
	// that lives is given, provided that it expires at ReusableUntil or later.
	Fresh         bool
	ReusableUntil int64 // seconds since the epoch
	// Sessions of the tenant whose refresh expired before ExpiredBefore may be
	// removed, some at a time: nobody has a use for them.
	ExpiredBefore int64 // seconds since the epoch
	// Those that were revoked, and issued before RevokedIssuedBefore, likewise:
	// nobody will issue one of that moment any more.
	RevokedIssuedBefore int64 // seconds since the epoch
}

// SigningKey is a key that session tokens are signed with. It is derived from
// a version of the installation's secret, see [SigningKeyVersion], and its id; what is kept is that there is one. The
// newest that is not retired signs.
type SigningKey struct {
	ID        string     // 1 to 64 letters, digits, dashes or underscores; "" is the first one's
	CreatedAt time.Time  // UTC; zero for the first one, which was always there
	RetiredAt *time.Time // UTC; nil: its tokens are good
}

// SigningKeyVersion gives the version of the secret that the key of an id is derived
// from. The id says it, s2-… for version 2, so that no look-up is needed to verify
// a token: a key stays the same when the secret is rotated.
func SigningKeyVersion(signingKeyID string) int {
	m := boundKeyID.FindStringSubmatch(signingKeyID)
	if m == nil {
		return 1
	}
	version, err := strconv.Atoi(m[1])
	if err != nil {
		return 1 // impossible: they are a few digits
	}
	return version
}

var boundKeyID = regexp.MustCompile(`^s([1-9][0-9]{0,5})-`)

var signingKeyID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// ValidSigningKeyID reports whether a key other than the first may have that id.
func ValidSigningKeyID(id string) bool { return signingKeyID.MatchString(id) }

// ErrSessionEnded is what every use of a session that lives no more fails with.
var ErrSessionEnded error = &Error{Kind: BadCredential, Noun: "session", Message: "the session has ended"}

// ErrKeySigns is why a key is not retired: nothing would be left to sign with.
var ErrKeySigns error = &Error{
	Kind: Conflict, Noun: "signing_key", Fields: map[string]string{"newest": "signs"}, Message: "the newest signing key is the one that signs",
}

// SessionUse is one request's use of a session. It goes down to the store in
// the request's context, and the store notes on it that the session was found
// alive: then nothing else need ask. It is not for concurrent use.
type SessionUse struct {
	ID        SessionID
	confirmed bool
}

// Confirm notes that the store found the session alive.
func (u *SessionUse) Confirm() { u.confirmed = true }

// Confirmed reports whether it was.
func (u *SessionUse) Confirmed() bool { return u.confirmed }

type sessionKey struct{}

// WithSession has all that is done with the context done by the session: the
// store refuses it with [ErrSessionEnded] where the session lives no more. A nil
// use gives the context as it is.
func WithSession(ctx context.Context, use *SessionUse) context.Context {
	if use == nil {
		return ctx
	}
	return context.WithValue(ctx, sessionKey{}, use)
}

// SessionOf gives the session that a context acts by; nil: none.
func SessionOf(ctx context.Context) *SessionUse {
	use, _ := ctx.Value(sessionKey{}).(*SessionUse)
	return use
}

const (
	// reuseLeft is how long a session must have left to be given once more, in
	// seconds: one that ends within its first request is of no use.
	reuseLeft = 60
	// expiryMargin is for how long a session stays after its refresh expired, in
	// seconds: the clocks of instances differ.
	expiryMargin = 60
	// issueMargin is for how long a session stays after it was issued although it
	// was revoked, in seconds: while an instance's clock may be that far behind, it
	// might issue the same one.
	issueMargin = 3600
)

// request settles what depends on the time.
func (n *NewSession) request(now time.Time) SessionRequest {
	at, seconds := now.Unix(), int64(n.Lifetime/time.Second)
	return SessionRequest{
		Session: Session{
			SessionID:        SessionID{Account: n.Account, IssuedAt: at, ExpiresAt: at + seconds},
			RefreshExpiresAt: at + max(seconds, int64(n.RefreshLifetime/time.Second)),
		},
		Fresh: n.Fresh, ReusableUntil: at + reuseLeft,
		ExpiredBefore: at - expiryMargin, RevokedIssuedBefore: at - issueMargin,
	}
}

// IssueSession gives a session of the account: the newest one that lives and
// has a minute left, unless a fresh one is asked for. Of any number of
// requests within a second all get the same. NotFound: the tenant has no such account.
func (s *Service) IssueSession(ctx context.Context, tenant TenantID, in NewSession) (Session, error) {
	return s.store.IssueSession(ctx, tenant, in.request(s.now()))
}

// RevokeSession ends the session that a principal acts by; from then on no
// instance does anything for it. [ErrSessionEnded] where it has ended already.
func (s *Service) RevokeSession(ctx context.Context, who *Principal) error {
	err := s.store.RevokeSession(ctx, who.Tenant.ID, *who.Session, s.now().UTC().Truncate(time.Millisecond))
	switch {
	case KindOf(err) == NotFound:
		return ErrSessionEnded
	case err != nil:
		return err
	}
	s.cache.forget(who.Tenant.ID) // the watch will tell of it, maybe after the client's next request
	return nil
}

// ConfirmSession asks the store whether the session that a principal acts by
// still lives, whatever is remembered of it. [ErrSessionEnded].
func (s *Service) ConfirmSession(ctx context.Context, who *Principal) error {
	_, err := s.store.SessionOwner(ctx, *who.Tenant.Refold, *who.Session)
	if KindOf(err) == NotFound {
		return ErrSessionEnded
	}
	return err
}

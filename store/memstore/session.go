package memstore

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store/image"
)

// session is one that was issued. It stays after it has ended, until it has
// expired or nobody can issue it a second time.
type session struct {
	core.Session

	accountObjectID core.ObjectID // of the account that it was issued for
	revoked         bool
}

// session gives the session that the tenant has by that id, nil for none.
func (t *tenant) session(id core.SessionID) *session {
	for _, s := range t.sessions[id.Account] {
		if s.SessionID == id {
			return s
		}
	}
	return nil
}

// lives reports whether the tenant has the session and it has not ended: it was
// not revoked, its account is the one that it was issued for, its key is good.
func (s *Store) lives(t *tenant, id core.SessionID) bool {
	found := t.session(id)
	return found != nil && found.of(t.accounts) && s.good(id.KeyID)
}

// of reports whether the session was not revoked and is one of these accounts.
func (s *session) of(accounts map[string]core.Account) bool {
	a, ok := accounts[s.Account]
	return ok && !s.revoked && a.ObjectID == s.accountObjectID
}

// good reports whether a signing key is not retired.
func (s *Store) good(key string) bool {
	return slices.ContainsFunc(s.signingKeys, func(k core.SigningKey) bool { return k.ID == key && k.RetiredAt == nil })
}

// enter begins what is done with a context: where that is by a session, the
// session has to live.
func (s *Store) enter(ctx context.Context, t *tenant) error {
	use := core.SessionOf(ctx)
	if use == nil {
		return nil
	}
	if !s.lives(t, use.ID) {
		return core.ErrSessionEnded
	}
	use.Confirm()
	return nil
}

// SessionOwner implements [core.Store].
func (s *Store) SessionOwner(ctx context.Context, address core.RefoldAddress, id core.SessionID) (core.Tenant, error) {
	if err := ctx.Err(); err != nil {
		return core.Tenant{}, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	t, ok := s.refold[address]
	if !ok || t.Status != core.TenantActive {
		return core.Tenant{}, notFound("tenant")
	}
	if !s.lives(t, id) {
		return core.Tenant{}, notFound("session")
	}
	return cloneTenant(&t.Tenant), nil
}

// IssueSession implements [core.Store] and [core.Directory].
func (s *Store) IssueSession(ctx context.Context, id core.TenantID, r core.SessionRequest) (issued core.Session, err error) {
	err = s.write(ctx, id, func(t *tenant) error {
		account, ok := t.accounts[r.Account]
		if !ok {
			return notFound("account")
		}
		t.sessions[r.Account] = slices.DeleteFunc(t.sessions[r.Account], func(s *session) bool {
			return s.RefreshExpiresAt < r.ExpiredBefore || s.revoked && s.IssuedAt < r.RevokedIssuedBefore
		})
		if newest := s.newest(t, &r); newest != nil {
			issued = newest.Session
			return nil
		}
		r.KeyID = s.signs()
		found := t.session(r.SessionID)
		for found != nil && !found.of(t.accounts) { // nobody gets again what has ended
			r.ExpiresAt++
			r.RefreshExpiresAt++
			found = t.session(r.SessionID)
		}
		if found == nil {
			found = &session{Session: r.Session, accountObjectID: account.ObjectID}
			t.sessions[r.Account] = append(t.sessions[r.Account], found)
			s.record(ctx, id, core.Change{Action: core.IssueAction, Noun: core.SessionNoun, Record: r.Account}, nil, image.Session(&found.Session, nil))
		}
		issued = found.Session
		return nil
	})
	return issued, err
}

// newest gives the newest session that lives for as long as a request asks for,
// nil for none, or where a fresh one is wanted.
func (s *Store) newest(t *tenant, r *core.SessionRequest) (newest *session) {
	if r.Fresh {
		return nil
	}
	for _, candidate := range t.sessions[r.Account] {
		if candidate.ExpiresAt < r.ReusableUntil || !candidate.of(t.accounts) || !s.good(candidate.KeyID) {
			continue
		}
		if newest == nil || compareSessions(candidate.SessionID, newest.SessionID) > 0 {
			newest = candidate
		}
	}
	return newest
}

func compareSessions(a, b core.SessionID) int {
	return cmp.Or(cmp.Compare(a.IssuedAt, b.IssuedAt), cmp.Compare(a.ExpiresAt, b.ExpiresAt), cmp.Compare(a.KeyID, b.KeyID))
}

// RevokeSession implements [core.Store] and [core.Directory].
func (s *Store) RevokeSession(ctx context.Context, id core.TenantID, wanted core.SessionID, at time.Time) error {
	return s.write(ctx, id, func(t *tenant) error {
		if !s.lives(t, wanted) {
			return notFound("session")
		}
		revoked := t.session(wanted)
		revoked.revoked = true
		s.recordRevocation(ctx, id, &revoked.Session, at)
		s.changed(id)
		return nil
	})
}

func (s *Store) recordRevocation(ctx context.Context, id core.TenantID, revoked *core.Session, at time.Time) {
	s.record(ctx, id, core.Change{Action: core.RevokeAction, Noun: core.SessionNoun, Record: revoked.Account},
		image.Session(revoked, nil), image.Session(revoked, image.Time(at)))
}

// RevokeSessions implements [core.Directory].
func (s *Store) RevokeSessions(ctx context.Context, id core.TenantID, account string, at time.Time) (n int, err error) {
	err = s.write(ctx, id, func(t *tenant) error {
		if _, ok := t.accounts[account]; !ok {
			return notFound("account")
		}
		for _, candidate := range t.sessions[account] {
			if candidate.ExpiresAt > at.Unix() && s.lives(t, candidate.SessionID) {
				candidate.revoked = true
				s.recordRevocation(ctx, id, &candidate.Session, at)
				n++
			}
		}
		if n > 0 {
			s.changed(id)
		}
		return nil
	})
	return n, err
}

// signs gives the id of the key that new sessions are signed with.
func (s *Store) signs() string {
	for _, k := range slices.Backward(s.signingKeys) {
		if k.RetiredAt == nil {
			return k.ID
		}
	}
	return ""
}

// CreateSigningKey implements [core.Directory].
func (s *Store) CreateSigningKey(ctx context.Context, k core.SigningKey) (core.SigningKey, error) {
	if err := ctx.Err(); err != nil {
		return core.SigningKey{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.ContainsFunc(s.signingKeys, func(other core.SigningKey) bool { return other.ID == k.ID }) {
		return core.SigningKey{}, conflict("signing_key", "id")
	}
	if last := s.signingKeys[len(s.signingKeys)-1]; !k.CreatedAt.After(last.CreatedAt) {
		k.CreatedAt = last.CreatedAt.Add(time.Microsecond)
	}
	s.signingKeys = append(s.signingKeys, k)
	s.record(ctx, core.Installation, core.Change{Action: core.CreateAction, Noun: core.SigningKeyNoun, Record: k.ID}, nil, image.SigningKey(&k))
	return k, nil
}

// SigningKeys implements [core.Directory].
func (s *Store) SigningKeys(ctx context.Context) ([]core.SigningKey, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	keys := slices.Clone(s.signingKeys)
	slices.Reverse(keys)
	for i := range keys {
		keys[i].RetiredAt = clonePointer(keys[i].RetiredAt)
	}
	return keys, nil
}

// RetireSigningKey implements [core.Directory].
func (s *Store) RetireSigningKey(ctx context.Context, id string, at time.Time) (core.SigningKey, error) {
	if err := ctx.Err(); err != nil {
		return core.SigningKey{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.signingKeys, func(k core.SigningKey) bool { return k.ID == id })
	switch {
	case i < 0:
		return core.SigningKey{}, notFound("signing_key")
	case s.signingKeys[i].RetiredAt != nil: // the first time counts
	case id == s.signs():
		return core.SigningKey{}, core.ErrKeySigns
	default:
		old := image.SigningKey(&s.signingKeys[i])
		s.signingKeys[i].RetiredAt = new(at)
		s.record(ctx, core.Installation, core.Change{Action: core.RetireAction, Noun: core.SigningKeyNoun, Record: id},
			old, image.SigningKey(&s.signingKeys[i]))
		s.changed("") // all tenants may have sessions of it
	}
	k := s.signingKeys[i]
	k.RetiredAt = clonePointer(k.RetiredAt)
	return k, nil
}

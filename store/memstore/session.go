package memstore

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/diglot/diglot/core"
)

// session is one that was issued. It stays after it was revoked, until it has
// expired, so that none is issued a second time.
type session struct {
	core.Session

	revoked bool
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

func (t *tenant) lives(id core.SessionID) bool {
	s := t.session(id)
	return s != nil && !s.revoked
}

// enter begins what is done with a context: where that is by a session, the
// session has to live.
func (t *tenant) enter(ctx context.Context) error {
	use := core.SessionOf(ctx)
	if use == nil {
		return nil
	}
	if !t.lives(use.ID) {
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
	if !t.lives(id) {
		return core.Tenant{}, notFound("session")
	}
	return cloneTenant(&t.Tenant), nil
}

// IssueSession implements [core.Store] and [core.Directory].
func (s *Store) IssueSession(ctx context.Context, id core.TenantID, r core.SessionRequest) (issued core.Session, err error) {
	err = s.write(ctx, id, func(t *tenant) error {
		if _, ok := t.accounts[r.Account]; !ok {
			return notFound("account")
		}
		sessions := slices.DeleteFunc(t.sessions[r.Account], func(s *session) bool { return s.RefreshExpiresAt < r.ExpiredBefore })
		if newest := newestOf(sessions, r.ReusableUntil); newest != nil && !r.Fresh {
			issued = newest.Session
		} else {
			issued = distinct(sessions, r.Session, s.signs())
			sessions = append(sessions, &session{Session: issued})
		}
		t.sessions[r.Account] = sessions
		return nil
	})
	return issued, err
}

// newestOf gives the newest session that lives until a moment, nil for none.
func newestOf(sessions []*session, until int64) (newest *session) {
	for _, s := range sessions {
		if s.revoked || s.ExpiresAt < until {
			continue
		}
		if newest == nil || newer(s, newest) {
			newest = s
		}
	}
	return newest
}

func newer(a, b *session) bool {
	return cmp.Or(cmp.Compare(a.IssuedAt, b.IssuedAt), cmp.Compare(a.ExpiresAt, b.ExpiresAt), cmp.Compare(a.KeyID, b.KeyID)) > 0
}

// distinct gives a new session, moved behind those of the same moment and key
// where one of them is it.
func distinct(sessions []*session, want core.Session, key string) core.Session {
	want.KeyID = key
	last, taken := want.ExpiresAt, false
	for _, s := range sessions {
		if s.IssuedAt == want.IssuedAt && s.KeyID == key {
			last, taken = max(last, s.ExpiresAt), taken || s.ExpiresAt == want.ExpiresAt
		}
	}
	if taken {
		want.RefreshExpiresAt += last + 1 - want.ExpiresAt
		want.ExpiresAt = last + 1
	}
	return want
}

// RevokeSession implements [core.Store].
func (s *Store) RevokeSession(ctx context.Context, id core.TenantID, wanted core.SessionID, _ time.Time) error {
	return s.write(ctx, id, func(t *tenant) error {
		if !t.lives(wanted) {
			return notFound("session")
		}
		t.session(wanted).revoked = true
		s.changed(id)
		return nil
	})
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
func (s *Store) RetireSigningKey(ctx context.Context, id string, at time.Time) (core.SigningKey, int, error) {
	if err := ctx.Err(); err != nil {
		return core.SigningKey{}, 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.signingKeys, func(k core.SigningKey) bool { return k.ID == id })
	switch {
	case i < 0:
		return core.SigningKey{}, 0, notFound("signing_key")
	case s.signingKeys[i].RetiredAt != nil:
		k := s.signingKeys[i]
		k.RetiredAt = clonePointer(k.RetiredAt)
		return k, 0, nil
	case id == s.signs():
		return core.SigningKey{}, 0, core.ErrKeySigns
	}
	s.signingKeys[i].RetiredAt = new(at)
	ended := 0
	for _, t := range s.tenants {
		ended += t.endSessions(func(session *session) bool { return session.KeyID == id })
		s.changed(t.ID)
	}
	k := s.signingKeys[i]
	k.RetiredAt = clonePointer(k.RetiredAt)
	return k, ended, nil
}

// endSessions revokes the sessions that meet a condition and gives their number.
func (t *tenant) endSessions(of func(*session) bool) (ended int) {
	for _, sessions := range t.sessions {
		for _, s := range sessions {
			if !s.revoked && of(s) {
				s.revoked = true
				ended++
			}
		}
	}
	return ended
}

package core

import "context"

// CheckAccount says whether a key's client may act for a linked account: for
// any, unless its tenant requires that the account exists; then NotFound. That
// one exists is remembered as whose a credential is.
func (s *Service) CheckAccount(ctx context.Context, who *Principal, account string) error {
	if !who.Tenant.RequireAccounts {
		return nil
	}
	ck := credentialKey{tenant: who.Tenant.ID, session: SessionID{Account: account}}
	now := s.now()
	known, events := s.cache.get(ck, now)
	if known != nil {
		return nil
	}
	if _, err := s.store.Account(ctx, who.Tenant.ID, account); err != nil {
		return err
	}
	s.cache.put(ck, who, nil, events, now)
	return nil
}

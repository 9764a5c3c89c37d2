package core

import (
	"context"
	"crypto/hmac"
	"errors"
	"time"
)

// Service is the domain's use cases over a store. It is safe for concurrent use.
type Service struct {
	store   Store
	secret  *Secret
	now     Clock
	newID   IDSource
	newUUID UUIDSource
	cache   credentialCache
	uses    keyUses
	limits  Limits // of what tenants keep, see [WithLimits]
}

// Option changes what a service is made of.
type Option func(*Service)

// WithUUIDs has uids taken from a source; without it they are random.
func WithUUIDs(next UUIDSource) Option { return func(s *Service) { s.newUUID = next } }

// NewService makes a service. Start [Service.Watch] beside it, or each
// credential is looked up anew.
func NewService(store Store, secret *Secret, now Clock, newID IDSource, options ...Option) *Service {
	s := &Service{store: store, secret: secret, now: now, newID: newID, newUUID: NewUUID, cache: credentialCache{most: maxCached}}
	for _, o := range options {
		o(s)
	}
	return s
}

// Watch keeps the service's memory of credentials true until ctx ends.
func (s *Service) Watch(ctx context.Context) {
	s.store.Watch(ctx, s.cache.tell)
	s.cache.tell(DirectoryEvent{}) // nobody watches any more
}

// ForgetCredentials has every credential be looked up anew: for who changes what
// is stored behind the service's back.
func (s *Service) ForgetCredentials() { s.cache.forgetAll() }

// Now gives the service's time: what stored times are taken from and what
// expiry is judged by.
func (s *Service) Now() time.Time { return s.now() }

// Ready says why requests can't be served now, nil when they can.
func (s *Service) Ready(ctx context.Context) error { return s.store.Ready(ctx) }

// PrincipalByKey finds whose an API key is. BadCredential.
func (s *Service) PrincipalByKey(ctx context.Context, dialect DialectName, key string) (*Principal, error) {
	ck := credentialKey{hash: s.secret.KeyHash(dialect, key)}
	return s.principal(ck, func() (*Principal, error) {
		t, k, err := s.keyOwner(ctx, dialect, key)
		return &Principal{Tenant: &t, KeyID: k.ID, Scope: k.Scope, ExpiresAt: k.ExpiresAt}, err
	})
}

// keyOwner looks a key up under every version of the secret, and notes that it
// needs a hash under the newest one where it has none.
//
// Looking for a hash takes no time that tells of the value: to steer which one is
// looked for takes the secret. That the one that was found is one of those asked
// for is compared in constant time all the same, whatever a store makes of equal.
func (s *Service) keyOwner(ctx context.Context, dialect DialectName, key string) (Tenant, Key, error) {
	hashes := s.secret.KeyHashes(dialect, key)
	wanted := make([]KeyHash, len(hashes))
	for i := range hashes {
		wanted[i] = hashes[i].Hash
	}
	t, k, err := s.store.KeyOwner(ctx, dialect, wanted...)
	if err != nil {
		return Tenant{}, Key{}, err
	}
	same := false
	for i := range wanted {
		same = hmac.Equal(k.Hash[:], wanted[i][:]) || same
	}
	if !same {
		return Tenant{}, Key{}, Missing("key")
	}
	if k.Next == nil && k.HashVersion < hashes[0].Version {
		s.uses.rehash(KeyRehash{Tenant: t.ID, KeyID: k.ID, From: k.Hash, Next: hashes[0]})
	}
	return t, k, nil
}

// PrincipalBySession finds who a session token with these claims speaks for;
// that the token is genuine and has not expired is the caller's to know.
// BadCredential when the session has ended, as far as is known: what is done by
// it has to say so ([WithSession]), since that it ended may not have been heard.
func (s *Service) PrincipalBySession(ctx context.Context, address RefoldAddress, id SessionID) (*Principal, error) {
	ck := credentialKey{address: address, session: id}
	return s.principal(ck, func() (*Principal, error) {
		t, err := s.store.SessionOwner(ctx, address, id)
		return &Principal{Tenant: &t, Account: id.Account, Session: &id}, err
	})
}

func (s *Service) principal(ck credentialKey, look func() (*Principal, error)) (*Principal, error) {
	now := s.now()
	p, events := s.cache.get(ck, now)
	if p != nil {
		return p, nil
	}
	p, err := look()
	switch {
	case KindOf(err) == NotFound:
		return nil, &Error{Kind: BadCredential, Noun: "credential", Message: "the credential names nobody", Err: err}
	case err != nil:
		return nil, err
	case expired(p.ExpiresAt, s.now()):
		return nil, &Error{Kind: BadCredential, Noun: "credential", Message: "the credential names nobody", Err: errExpired}
	}
	use := s.uses.of(p, now)
	s.cache.put(ck, p, use, events, now)
	return p, nil
}

var errExpired = errors.New("the key has expired")

// CreateMCPServer adds a server to the tenant. Invalid; Conflict on "slug" or
// "name", see [NewMCPServer]; OverQuota.
func (s *Service) CreateMCPServer(ctx context.Context, tenant TenantID, in NewMCPServer) (MCPServer, error) {
	if err := in.validate(); err != nil {
		return MCPServer{}, err
	}
	now := s.now()
	id := s.newID(now)
	at := now.UTC().Truncate(time.Millisecond)
	c := Creation{
		Server: MCPServer{
			ID: id, Slug: in.Slug, Name: in.Name, Description: in.Description, URL: in.URL, Icon: in.Icon,
			Place: PlaceAt(now), CreatedAt: at, UpdatedAt: at, Revision: 1,
		},
		RefuseSameName: in.RefuseSameName, MaxServers: most(in.MaxServers, s.limits.Servers),
	}
	if in.Slug == "" {
		c.Server.Slug, c.FallbackSlug = madeSlugs(in.Name, id)
	}
	return s.store.CreateMCPServer(ctx, tenant, c)
}

// madeSlugs gives the slug for a server that came without one, and the one to
// take where that is taken: nobody else makes one with this id in it.
func madeSlugs(name string, id ObjectID) (slug, fallback string) {
	base := SlugFor(name)
	if base == "" {
		return id.String(), "mcp-server-" + id.String()
	}
	return base, base + "-" + id.String()
}

// MCPServer gives one server. NotFound.
func (s *Service) MCPServer(ctx context.Context, tenant TenantID, ref MCPServerRef) (MCPServer, error) {
	return s.store.MCPServer(ctx, tenant, ref)
}

// MCPServerPage gives up to limit servers from offset on, in that order, and
// how many the tenant has.
func (s *Service) MCPServerPage(
	ctx context.Context, tenant TenantID, order Order, offset, limit int,
) ([]MCPServer, int, error) {
	return s.store.MCPServerPage(ctx, tenant, order, offset, limit)
}

// MCPServersFrom gives up to limit servers, oldest first: those that come
// next after from, or those that come last before it.
func (s *Service) MCPServersFrom(
	ctx context.Context, tenant TenantID, from Place, dir Direction, limit int,
) ([]MCPServer, error) {
	return s.store.MCPServersFrom(ctx, tenant, from, dir, limit)
}

// ShowsURL reports whether a url is what the tenant shows of a server already, of
// its own or by the template. A server that is not there is shown with none.
func (s *Service) ShowsURL(ctx context.Context, t *Tenant, ref MCPServerRef, url string) (bool, error) {
	server, err := s.store.MCPServer(ctx, t.ID, ref)
	if err != nil {
		if KindOf(err) == NotFound {
			err = nil
		}
		return false, err
	}
	MeterOf(ctx).End() // the server is not answered with
	return t.ServerURL(&server) == url, nil
}

// UpdateMCPServer changes what the update names, and gives the server as it is
// then. Even an update that names nothing moves the update time and the
// revision. Invalid, NotFound, PreconditionFailed.
func (s *Service) UpdateMCPServer(
	ctx context.Context, tenant TenantID, ref MCPServerRef, in MCPServerUpdate,
) (MCPServer, error) {
	if err := in.validate(); err != nil {
		return MCPServer{}, err
	}
	now := s.now()
	m := Modification{MCPServerUpdate: in, UpdatedAt: now.UTC().Truncate(time.Millisecond)}
	if in.Chains != nil {
		chains := make([]Chain, len(*in.Chains))
		for i, fields := range *in.Chains {
			chains[i] = Chain{ID: s.newID(now), Fields: fields}
		}
		m.Chains = &chains
	}
	return s.store.UpdateMCPServer(ctx, tenant, ref, m)
}

// DeleteMCPServer removes one server. NotFound, PreconditionFailed.
func (s *Service) DeleteMCPServer(ctx context.Context, tenant TenantID, ref MCPServerRef, p Precondition) error {
	return s.store.DeleteMCPServer(ctx, tenant, ref, p)
}

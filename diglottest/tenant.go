package diglottest

import (
	"net/http"

	"github.com/diglot/diglot/cmd/diglot/testmode"
	"github.com/diglot/diglot/dialects/cometchat"
	"github.com/diglot/diglot/dialects/refold"
)

// Tenant is a tenant of a server, with its address and credentials at both
// vendors.
type Tenant struct {
	server *Server
	with   testmode.Credentials
}

// Name is the tenant's own, as [Filter] and [Fault] have it.
func (t *Tenant) Name() string { return t.with.Tenant }

// RefoldURL is the base URL of Refold's clients: /mcp-servers is below it.
func (t *Tenant) RefoldURL() string { return t.server.url + refold.Prefix }

// RefoldKey is an API key, for the header x-api-key, with [Tenant.Account] in
// linked_account_id.
func (t *Tenant) RefoldKey() string { return t.with.RefoldKey }

// Account is the id of a linked account that there is.
func (t *Tenant) Account() string { return t.with.Account }

// RefoldToken is a session token of the account, good for 24 hours of the server's
// clock, for the header Authorization: Bearer. It fails the test where the account
// was deleted.
func (t *Tenant) RefoldToken() string {
	t.server.t.Helper()
	token, err := t.server.mode.Token(t.server.ctx(), t.with.Tenant, t.with.Account)
	t.server.must("token", err)
	return token
}

// RefoldOrg is the org's id, as tokens and answers have it. Its environment is test.
func (t *Tenant) RefoldOrg() string { return t.with.RefoldOrg }

// CometChatURL is the base URL of CometChat's clients: /mcp-servers and /agents are
// below it.
func (t *Tenant) CometChatURL() string { return t.server.url + cometchat.Prefix }

// CometChatKey is an API key of the scope fullAccess, for the header apikey.
func (t *Tenant) CometChatKey() string { return t.with.CometChatKey }

// CometChatApp is the app's id, as answers have it. Its region is us.
func (t *Tenant) CometChatApp() string { return t.with.CometChatApp }

// RefoldClient gives a client that adds the key and the linked account to each
// request that has neither key nor token.
func (t *Tenant) RefoldClient() *http.Client {
	return t.server.client(func(h http.Header) {
		if h.Get("X-Api-Key") == "" && h.Get("Authorization") == "" {
			h.Set("X-Api-Key", t.with.RefoldKey)
			if h.Get("Linked-Account-Id") == "" && h.Get("linked_account_id") == "" {
				h.Set("linked_account_id", t.with.Account)
			}
		}
	})
}

// CometChatClient gives a client that adds the key to each request that has none.
func (t *Tenant) CometChatClient() *http.Client {
	return t.server.client(func(h http.Header) {
		if h.Get("Apikey") == "" {
			h.Set("Apikey", t.with.CometChatKey)
		}
	})
}

// adding is a transport of one server's, which adds credentials.
type adding struct {
	*http.Transport

	server string // host and port: credentials go nowhere else
	add    func(http.Header)
}

// RoundTrip implements [http.RoundTripper].
func (a *adding) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host == a.server {
		r = r.Clone(r.Context()) // a transport leaves the caller's as it is
		a.add(r.Header)
	}
	return a.Transport.RoundTrip(r)
}

func (s *Server) client(add func(http.Header)) *http.Client {
	c := &http.Client{Transport: &adding{&http.Transport{Proxy: nil, MaxIdleConnsPerHost: idleConnections}, s.url[len("http://"):], add}}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clients = append(s.clients, c)
	return c
}

// idleConnections is how many a client keeps: tests ask one host all the time.
const idleConnections = 64

// Tenant gives the tenant of that name, which [WithTenants] or a seed has made. It
// fails the test where there is none.
func (s *Server) Tenant(name string) *Tenant {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if t, ok := s.tenants[name]; ok {
		return t
	}
	with, ok := s.mode.Credentials(name)
	if !ok {
		s.t.Fatalf("diglottest: there is no tenant %q: name it in WithTenants", name)
	}
	t := &Tenant{server: s, with: with}
	s.tenants[name] = t
	return t
}

package coretest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

// epoch is when the tests begin: stores keep the times that they are given,
// so no test needs another clock.
var epoch = time.Date(2026, time.March, 4, 5, 6, 7, 89*int(time.Millisecond), time.UTC)

// suite is one tenant of a backend and what is needed to fill it.
type suite struct {
	Backend

	tenant core.Tenant
	newID  core.IDSource
}

// newSuite makes a tenant. The name, and the addresses made from it, are unique
// in the backend, or the test says that it is not.
func newSuite(t *testing.T, b Backend, name string) *suite {
	t.Helper()
	tenant := newTenant(name)
	require.NoError(t, b.CreateTenant(t.Context(), tenant))
	return &suite{Backend: b, tenant: tenant, newID: core.NewIDSource()}
}

func newTenant(name string) core.Tenant {
	return core.Tenant{
		ID: core.NewTenantID(), Name: name,
		Refold:      &core.RefoldAddress{OrgID: "org-" + name, Environment: core.Test},
		CometChat:   &core.CometChatAddress{AppID: "app-" + name, Region: "eu"},
		URLTemplate: "https://mcp.example.com/" + name + "/{slug}", RefoldRevision: core.RefoldLegacy,
		CreatedAt: epoch,
	}
}

func newKey(tenant core.Tenant, dialect core.DialectName) core.Key {
	k := core.Key{ID: core.NewUUID(), Tenant: tenant.ID, Dialect: dialect, Scope: core.FullAccess, HashVersion: 1, CreatedAt: epoch}
	copy(k.Hash[:], core.RandomMaterial())
	return k
}

// server makes a server that collides with no other in slug or id: created at
// the epoch, with the name that it is given.
func (s *suite) server(name string) core.MCPServer {
	id := s.newID(epoch)
	return core.MCPServer{
		ID: id, Slug: "s-" + id.String(), Name: name,
		Place: core.PlaceAt(epoch), CreatedAt: epoch, UpdatedAt: epoch, Revision: 1,
	}
}

func (s *suite) create(t *testing.T, server core.MCPServer) core.MCPServer {
	t.Helper()
	created, err := s.CreateMCPServer(t.Context(), s.tenant.ID, core.Creation{Server: server})
	require.NoError(t, err)
	return created
}

// fill creates n servers, a millisecond between them, and gives them in order of place.
func (s *suite) fill(t *testing.T, n int) []core.MCPServer {
	t.Helper()
	out := make([]core.MCPServer, n)
	for i := range out {
		server := s.server(fmt.Sprint("server ", i))
		server.CreatedAt = epoch.Add(time.Duration(i) * time.Millisecond)
		server.UpdatedAt = server.CreatedAt
		server.Place = core.PlaceAt(server.CreatedAt)
		out[i] = s.create(t, server)
	}
	return out
}

func (s *suite) read(t *testing.T, ref core.MCPServerRef) core.MCPServer {
	t.Helper()
	server, err := s.MCPServer(t.Context(), s.tenant.ID, ref)
	require.NoError(t, err)
	return server
}

func (s *suite) update(t *testing.T, ref core.MCPServerRef, m core.Modification) core.MCPServer {
	t.Helper()
	server, err := s.UpdateMCPServer(t.Context(), s.tenant.ID, ref, m)
	require.NoError(t, err)
	return server
}

// all gives every server of the tenant in order of place, each of them whole.
func (s *suite) all(t *testing.T) []core.MCPServer {
	t.Helper()
	list, total, err := s.MCPServerPage(t.Context(), s.tenant.ID, core.OldestFirst, 0, 1_000_000)
	require.NoError(t, err)
	require.Len(t, list, total)
	for i := range list {
		whole := s.read(t, core.ByID(list[i].ID))
		equalServer(t, listed(whole), list[i])
		list[i] = whole
	}
	return list
}

// toldApart is what is given of a server that was deleted.
func toldApart(s core.MCPServer) core.MCPServer {
	return core.MCPServer{
		ID: s.ID, Slug: s.Slug, Name: s.Name, Place: s.Place, CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt, Revision: s.Revision,
	}
}

// listed is a server as lists give it.
func listed(s core.MCPServer) core.MCPServer {
	s.Suggestions, s.AssociatedApps, s.Resources, s.Notebooks, s.Chains = nil, nil, nil, nil, nil
	s.Branding = core.Branding{}
	return s
}

// full gives a server with every field set.
func (s *suite) full() core.MCPServer {
	server := s.server("Full “Server” ñ 日本 🚀")
	server.Description = new("what it does\n\twith \\ and \" and ' and % and $1")
	server.URL = "https://mcp.example.com/a?b=c&d=%20#e"
	server.Icon = "http://localhost:3000/icon.png"
	server.Suggestions = core.JSON(`[{"z":1,"a":"two"}]`)
	server.AssociatedApps = core.JSON(`[{"slug":"slack","x":null}]`)
	server.Resources = core.JSON(`[{"uri":"file:///r"}]`)
	server.Notebooks = core.JSON(`["n1","n2"]`)
	server.Chains = []core.Chain{
		{ID: s.newID(epoch), Fields: core.JSON(`{"step":2,"name":"b"}`)},
		{ID: s.newID(epoch), Fields: core.JSON(`{}`)},
		{ID: s.newID(epoch), Fields: core.JSON(`{"step":1,"name":"a"}`)},
	}
	server.Branding = core.Branding{
		AgentName: new("Agent"), PrimaryColor: new("#ffffff"), SecondaryColor: new("#000000"),
		BasePrompt: new("Be kind."), SafeMode: new(true),
	}
	return server
}

// equalServer compares all fields. Times are equal when they are the same
// moment, and both must be UTC.
func equalServer(t *testing.T, want, got core.MCPServer) {
	t.Helper()
	equalTime(t, want.CreatedAt, got.CreatedAt)
	equalTime(t, want.UpdatedAt, got.UpdatedAt)
	require.Equal(t, "UTC", got.CreatedAt.Location().String(), "the creation time's zone")
	require.Equal(t, "UTC", got.UpdatedAt.Location().String(), "the update time's zone")
	got.CreatedAt, got.UpdatedAt = want.CreatedAt, want.UpdatedAt
	require.Equal(t, want, got)
}

func equalServers(t *testing.T, want, got []core.MCPServer) {
	t.Helper()
	require.Equal(t, idsOf(want), idsOf(got))
	for i := range want {
		equalServer(t, want[i], got[i])
	}
}

func equalTenant(t *testing.T, want, got core.Tenant) {
	t.Helper()
	equalTime(t, want.CreatedAt, got.CreatedAt)
	got.CreatedAt = want.CreatedAt
	require.Equal(t, want, got)
}

func equalTime(t *testing.T, want, got time.Time) {
	t.Helper()
	require.True(t, want.Equal(got), "want %v, got %v", want, got)
}

func idsOf(list []core.MCPServer) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = s.ID.String()
	}
	return out
}

func placesOf(list []core.MCPServer) []core.Place {
	out := make([]core.Place, len(list))
	for i, s := range list {
		out[i] = s.Place
	}
	return out
}

func requireNotFound(t *testing.T, err error) {
	t.Helper()
	require.Equal(t, core.NotFound, core.KindOf(err), "%v", err)
}

// requireConflict wants a conflict on that field alone, fit to be shown.
func requireConflict(t *testing.T, err error, noun, field string) {
	t.Helper()
	var e *core.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, core.Conflict, e.Kind)
	require.Equal(t, noun, e.Noun)
	require.Equal(t, map[string]string{field: "is taken"}, e.Fields)
	require.NotEmpty(t, e.Message)
}

// together runs f n times at once and gives what each answered.
func together(n int, f func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = f(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

// requireOneWinner wants one success, and for the others a conflict on the field.
func requireOneWinner(t *testing.T, errs []error, noun, field string) {
	t.Helper()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		requireConflict(t, err, noun, field)
	}
	require.Equal(t, 1, won)
}

func requireNoErrors(t *testing.T, errs []error) {
	t.Helper()
	for _, err := range errs {
		require.NoError(t, err)
	}
}

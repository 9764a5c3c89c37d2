package core_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

func TestANewServerHasWhatTheClientSaidAndTheClocksTime(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	tenant := g.demo(t, "demo")
	*g.now = start.In(time.FixedZone("east", 7200))
	server, err := g.CreateMCPServer(t.Context(), tenant.ID, core.NewMCPServer{
		Name: "My Server", Description: new(""), URL: "http://localhost:3000", Icon: "https://icon.example/i.png",
	})
	require.NoError(t, err)
	at := start.Truncate(time.Millisecond)
	require.Equal(t, core.MCPServer{
		ID: server.ID, Slug: "my-server", Name: "My Server", Description: new(""),
		URL: "http://localhost:3000", Icon: "https://icon.example/i.png",
		Place: core.PlaceAt(start), CreatedAt: at, UpdatedAt: at, Revision: 1,
	}, server)
	require.Equal(t, start.Truncate(time.Second), server.ID.Time())
	require.Equal(t, start, g.Now().UTC())
	require.NoError(t, g.Ready(t.Context()))
}

func TestASlugThatWasNotGivenIsMadeAndNeverCollides(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	tenant := g.demo(t, "demo")
	create := func(in core.NewMCPServer) core.MCPServer {
		server, err := g.CreateMCPServer(t.Context(), tenant.ID, in)
		require.NoError(t, err)
		return server
	}
	first, second := create(core.NewMCPServer{Name: "日本 Server!"}), create(core.NewMCPServer{Name: "server"})
	require.Equal(t, "server", first.Slug)
	require.Equal(t, "server-"+second.ID.String(), second.Slug)
	nameless := create(core.NewMCPServer{Name: "日本"})
	require.Equal(t, nameless.ID.String(), nameless.Slug)
	require.Equal(t, "Given_Slug", create(core.NewMCPServer{Name: "server", Slug: "Given_Slug"}).Slug)
}

func TestANamelessSlugThatSomeoneTookBeforehandFallsBackToo(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	tenant := g.demo(t, "demo")
	secret, err := core.NewSecret(core.RandomMaterial())
	require.NoError(t, err)
	var last byte
	service := core.NewService(g.store, secret, g.Now, func(time.Time) core.ObjectID {
		last++
		return core.ObjectID{11: last}
	})
	_, err = service.CreateMCPServer(t.Context(), tenant.ID, core.NewMCPServer{Name: "guess", Slug: core.ObjectID{11: 2}.String()})
	require.NoError(t, err)
	server, err := service.CreateMCPServer(t.Context(), tenant.ID, core.NewMCPServer{Name: "日本"})
	require.NoError(t, err)
	require.Equal(t, "mcp-server-"+core.ObjectID{11: 2}.String(), server.Slug)
}

func TestAServerMayTakeAnothersIDAsItsSlug(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	tenant := g.demo(t, "demo")
	first, err := g.CreateMCPServer(t.Context(), tenant.ID, core.NewMCPServer{Name: "first"})
	require.NoError(t, err)
	second, err := g.CreateMCPServer(t.Context(), tenant.ID, core.NewMCPServer{Name: "second", Slug: first.ID.String()})
	require.NoError(t, err)
	got, err := g.MCPServer(t.Context(), tenant.ID, core.BySlug(first.ID.String()))
	require.NoError(t, err)
	require.Equal(t, second.ID, got.ID)
	got, err = g.MCPServer(t.Context(), tenant.ID, core.ByID(first.ID))
	require.NoError(t, err)
	require.Equal(t, first.ID, got.ID)
}

func TestAGivenSlugOrARefusedNameThatIsTakenIsAConflict(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	tenant := g.demo(t, "demo")
	_, err := g.CreateMCPServer(t.Context(), tenant.ID, core.NewMCPServer{Name: "name", Slug: "slug"})
	require.NoError(t, err)
	_, err = g.CreateMCPServer(t.Context(), tenant.ID, core.NewMCPServer{Name: "other", Slug: "slug"})
	require.True(t, core.IsConflictOn(err, "slug"), "%v", err)
	_, err = g.CreateMCPServer(t.Context(), tenant.ID, core.NewMCPServer{Name: "name", RefuseSameName: true})
	require.True(t, core.IsConflictOn(err, "name"), "%v", err)
	_, err = g.CreateMCPServer(t.Context(), tenant.ID, core.NewMCPServer{Name: "name"})
	require.NoError(t, err)
}

func TestACreationThatIsInvalidNamesEachField(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	tenant := g.demo(t, "demo")
	for name, c := range map[string]struct {
		in     core.NewMCPServer
		fields []string
	}{
		"no name":           {core.NewMCPServer{Slug: "s"}, []string{"name"}},
		"NUL in the name":   {core.NewMCPServer{Name: "a\x00"}, []string{"name"}},
		"broken UTF-8":      {core.NewMCPServer{Name: "a", Description: new("\xff")}, []string{"description"}},
		"odd slug":          {core.NewMCPServer{Name: "a", Slug: "a/b"}, []string{"slug"}},
		"url without host":  {core.NewMCPServer{Name: "a", URL: "http://"}, []string{"url"}},
		"icon too long":     {core.NewMCPServer{Name: "a", Icon: strings.Repeat("é", core.MaxIconChars+1)}, []string{"icon"}},
		"everything at one": {core.NewMCPServer{Slug: "..", URL: "x", Icon: "\x00", Description: new("\x00")}, []string{"description", "icon", "name", "slug", "url"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := g.CreateMCPServer(t.Context(), tenant.ID, c.in)
			requireInvalid(t, err, "mcp_server", c.fields...)
		})
	}
}

func TestAnUpdateThatIsInvalidNamesEachFieldAndChangesNothing(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	tenant := g.demo(t, "demo")
	want, err := g.CreateMCPServer(t.Context(), tenant.ID, core.NewMCPServer{Name: "name"})
	require.NoError(t, err)
	for _, c := range []struct {
		in     core.MCPServerUpdate
		fields []string
	}{
		{core.MCPServerUpdate{Name: new("")}, []string{"name"}},
		{core.MCPServerUpdate{Name: new("\x00"), Description: new("fine")}, []string{"name"}},
		{core.MCPServerUpdate{URL: new("ftp://x"), Icon: new("\xff")}, []string{"icon", "url"}},
		{core.MCPServerUpdate{Description: new("\xff")}, []string{"description"}},
		{
			core.MCPServerUpdate{Branding: core.Branding{
				AgentName: new("\x00"), PrimaryColor: new("\x00"), SecondaryColor: new("\x00"), BasePrompt: new("\x00"),
			}},
			[]string{"agent_name", "base_prompt", "primary_color", "secondary_color"},
		},
	} {
		_, err := g.UpdateMCPServer(t.Context(), tenant.ID, core.ByID(want.ID), c.in)
		requireInvalid(t, err, "mcp_server", c.fields...)
	}
	got, err := g.MCPServer(t.Context(), tenant.ID, core.ByID(want.ID))
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func TestATenantShowsAServersOwnURLElseItsTemplates(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	tenant := g.demo(t, "demo")
	without, err := g.CreateMCPServer(t.Context(), tenant.ID, core.NewMCPServer{Name: "without"})
	require.NoError(t, err)
	with, err := g.CreateMCPServer(t.Context(), tenant.ID, core.NewMCPServer{Name: "with", URL: "http://own"})
	require.NoError(t, err)
	for _, c := range []struct {
		template string
		ref      core.MCPServerRef
		shown    string
	}{
		{"", core.ByID(without.ID), ""},
		{"", core.BySlug("with"), "http://own"},
		{"https://mcp.example.com/{slug}", core.BySlug("without"), "https://mcp.example.com/without"},
		{"https://mcp.example.com/{slug}", core.ByID(with.ID), "http://own"},
	} {
		tenant.URLTemplate = c.template
		for _, url := range []string{"", "http://own", "https://mcp.example.com/without"} {
			shown, err := g.ShowsURL(t.Context(), &tenant, c.ref, url)
			require.NoError(t, err)
			require.Equal(t, url == c.shown, shown, "%q of %q", url, c.shown)
		}
	}
	shown, err := g.ShowsURL(t.Context(), &tenant, core.BySlug("nobody"), "")
	require.NoError(t, err)
	require.False(t, shown)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = g.ShowsURL(ctx, &tenant, core.BySlug("with"), "")
	require.ErrorIs(t, err, context.Canceled)
}

func TestChainsGetNewIDsWheneverTheyAreSentAndKeepThemElse(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	tenant := g.demo(t, "demo")
	server, err := g.CreateMCPServer(t.Context(), tenant.ID, core.NewMCPServer{Name: "name"})
	require.NoError(t, err)
	require.Nil(t, server.Chains)
	chains := []core.JSON{core.JSON(`{"b":1,"a":2}`), core.JSON(`{"b":1,"a":2}`)}
	seen := map[core.ObjectID]bool{server.ID: true}
	for range 3 {
		*g.now = g.now.Add(time.Second)
		server, err = g.UpdateMCPServer(t.Context(), tenant.ID, core.ByID(server.ID), core.MCPServerUpdate{Chains: &chains})
		require.NoError(t, err)
		require.Len(t, server.Chains, 2)
		for i, chain := range server.Chains {
			require.False(t, seen[chain.ID])
			seen[chain.ID] = true
			require.Equal(t, g.now.Truncate(time.Second), chain.ID.Time())
			require.Equal(t, chains[i], chain.Fields)
		}
		again, err := g.UpdateMCPServer(t.Context(), tenant.ID, core.ByID(server.ID), core.MCPServerUpdate{Name: new("other")})
		require.NoError(t, err)
		require.Equal(t, server.Chains, again.Chains)
	}
	server, err = g.UpdateMCPServer(t.Context(), tenant.ID, core.ByID(server.ID), core.MCPServerUpdate{Chains: &[]core.JSON{}})
	require.NoError(t, err)
	require.Equal(t, []core.Chain{}, server.Chains)
}

func TestATenantSeesNothingOfAnothersServers(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	one, two := g.demo(t, "one"), g.demo(t, "two")
	server, err := g.CreateMCPServer(t.Context(), one.ID, core.NewMCPServer{Name: "name"})
	require.NoError(t, err)
	ref := core.ByID(server.ID)
	_, err = g.MCPServer(t.Context(), two.ID, ref)
	require.Equal(t, core.NotFound, core.KindOf(err))
	_, err = g.UpdateMCPServer(t.Context(), two.ID, ref, core.MCPServerUpdate{})
	require.Equal(t, core.NotFound, core.KindOf(err))
	require.Equal(t, core.NotFound, core.KindOf(g.DeleteMCPServer(t.Context(), two.ID, ref, core.Precondition{})))
	list, total, err := g.MCPServerPage(t.Context(), two.ID, core.OldestFirst, 0, 10)
	require.NoError(t, err)
	require.Empty(t, list)
	require.Zero(t, total)
	list, err = g.MCPServersFrom(t.Context(), two.ID, 0, core.After, 10)
	require.NoError(t, err)
	require.Empty(t, list)
}

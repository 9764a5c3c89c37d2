package core_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

func TestAValidURLIsAbsoluteHTTPWithAHost(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]bool{
		"http://localhost":                   true,
		"http://localhost:3000/mcp":          true,
		"https://mcp.example.com/a?b=c#d":    true,
		"HTTPS://MCP.EXAMPLE.COM":            true,
		"http://127.0.0.1:8080":              true,
		"http://[::1]:8080/":                 true,
		"https://user:password@example.com/": true,
		"https://münchen.example/ñ":          true,
		"":                                   false,
		"example.com":                        false,
		"//example.com":                      false,
		"/path":                              false,
		"http://":                            false,
		"http:///path":                       false,
		"http://:80/":                        false,
		"http:example.com":                   false,
		"ftp://example.com":                  false,
		"javascript:alert(1)":                false,
		"data:text/html,x":                   false,
		"file:///etc/passwd":                 false,
		"http//example.com":                  false,
		" http://example.com":                false,
		"http://exa mple.com":                false,
		"http://example.com/\n":              false,
		"http://example.com/%zz":             false,
		"http://example.com:port/":           false,
		"http://[::1/":                       false,
		"http://example.com/\x00":            false,
		"http://example.com/#\x00":           false,
		"http://example.com/\xff":            false,
	} {
		require.Equal(t, want, core.ValidURL(in), "%q", in)
	}
}

func goodTenant() core.Tenant {
	return core.Tenant{
		Name:        "demo",
		Refold:      &core.RefoldAddress{OrgID: "65f0c1d2e3f4a5b6c7d8e9f0", Environment: core.Test},
		CometChat:   &core.CometChatAddress{AppID: "2748923a1b2c3d4e", Region: "eu"},
		URLTemplate: "https://mcp.example.com/{id}/{slug}", RefoldRevision: core.RefoldLegacy,
	}
}

func TestATenantIsValidWithEitherAddressOrBoth(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*core.Tenant){
		"both":              func(*core.Tenant) {},
		"refold only":       func(t *core.Tenant) { t.CometChat = nil },
		"cometchat only":    func(t *core.Tenant) { t.Refold = nil },
		"no template":       func(t *core.Tenant) { t.URLTemplate = "" },
		"slug in the host":  func(t *core.Tenant) { t.URLTemplate = "http://{slug}.example.com:3000/mcp" },
		"production":        func(t *core.Tenant) { t.Refold.Environment = core.Production },
		"longest name":      func(t *core.Tenant) { t.Name = strings.Repeat("n", 100) },
		"name of all kinds": func(t *core.Tenant) { t.Name = "9.a_B-" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tenant := goodTenant()
			change(&tenant)
			require.NoError(t, tenant.Validate())
		})
	}
}

func TestAnInvalidTenantsErrorNamesEachField(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*core.Tenant)
		fields []string
	}{
		"empty name":         {func(t *core.Tenant) { t.Name = "" }, []string{"name"}},
		"name too long":      {func(t *core.Tenant) { t.Name = strings.Repeat("n", 101) }, []string{"name"}},
		"name with a space":  {func(t *core.Tenant) { t.Name = "a b" }, []string{"name"}},
		"name with newline":  {func(t *core.Tenant) { t.Name = "a\n" }, []string{"name"}},
		"name with a dash":   {func(t *core.Tenant) { t.Name = "-o" }, []string{"name"}},
		"no address":         {func(t *core.Tenant) { t.Refold, t.CometChat = nil, nil }, []string{"address"}},
		"empty org":          {func(t *core.Tenant) { t.Refold.OrgID = "" }, []string{"refold_org"}},
		"odd org":            {func(t *core.Tenant) { t.Refold.OrgID = "a/b" }, []string{"refold_org"}},
		"empty environment":  {func(t *core.Tenant) { t.Refold.Environment = "" }, []string{"refold_env"}},
		"odd environment":    {func(t *core.Tenant) { t.Refold.Environment = "Test" }, []string{"refold_env"}},
		"app with a dot":     {func(t *core.Tenant) { t.CometChat.AppID = "a.b" }, []string{"cometchat_app"}},
		"odd region":         {func(t *core.Tenant) { t.CometChat.Region = "mars" }, []string{"cometchat_region"}},
		"template no url":    {func(t *core.Tenant) { t.URLTemplate = "{slug}" }, []string{"url_template"}},
		"template odd brace": {func(t *core.Tenant) { t.URLTemplate = "http://{name}/" }, []string{"url_template"}},
		"no revision":        {func(t *core.Tenant) { t.RefoldRevision = "" }, []string{"refold_revision"}},
		"odd revision":       {func(t *core.Tenant) { t.RefoldRevision = "V3" }, []string{"refold_revision"}},
		"revision of nobody": {func(t *core.Tenant) { t.Refold, t.RefoldRevision = nil, core.RefoldV3 }, []string{"refold_revision"}},
		"servers of nobody":  {func(t *core.Tenant) { t.Refold, t.ProtectServers = nil, true }, []string{"protect_servers"}},
		"accounts of nobody": {func(t *core.Tenant) { t.Refold, t.RequireAccounts = nil, true }, []string{"require_accounts"}},
		"everything": {
			func(t *core.Tenant) {
				*t = core.Tenant{Refold: &core.RefoldAddress{}, CometChat: &core.CometChatAddress{}, URLTemplate: "x"}
			},
			[]string{"cometchat_app", "cometchat_region", "name", "refold_env", "refold_org", "refold_revision", "url_template"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tenant := goodTenant()
			c.change(&tenant)
			requireInvalid(t, tenant.Validate(), "tenant", c.fields...)
		})
	}
}

func TestAnAccountsIDIsShortTextWithoutSurroundingSpace(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]bool{
		"u": true, "user@example.com": true, "a b": true, "日本": true, strings.Repeat("x", 500): true,
		"": false, strings.Repeat("x", 501): false, " a": false, "a\n": false, "a\x00b": false, "\xff": false,
	} {
		err := (&core.Account{ID: id}).Validate()
		if want {
			require.NoError(t, err, "%q", id)
			continue
		}
		requireInvalid(t, err, "account", "id")
	}
}

func TestAServersURLIsItsOwnElseTheTemplatesElseEmpty(t *testing.T) {
	t.Parallel()
	id := core.ObjectID{0xab}
	for name, c := range map[string]struct{ own, template, want string }{
		"own":         {"http://own", "http://t/{slug}", "http://own"},
		"template":    {"", "http://{slug}.t/{id}?s={slug}", "http://the-slug.t/ab0000000000000000000000?s=the-slug"},
		"no template": {"", "", ""},
		"plain":       {"", "http://t/", "http://t/"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tenant := core.Tenant{URLTemplate: c.template}
			require.Equal(t, c.want, tenant.ServerURL(&core.MCPServer{ID: id, Slug: "the-slug", URL: c.own}))
		})
	}
}

// requireInvalid wants exactly these fields refused, the first of them in the message.
func requireInvalid(t *testing.T, err error, noun string, fields ...string) {
	t.Helper()
	var e *core.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, core.Invalid, e.Kind)
	require.Equal(t, noun, e.Noun)
	require.Equal(t, fields, slices.Sorted(maps.Keys(e.Fields)))
	require.Equal(t, fields[0]+" "+e.Fields[fields[0]], e.Message)
}

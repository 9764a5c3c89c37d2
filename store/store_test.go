package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/core/coretest"
	"github.com/diglot/diglot/store"
	"github.com/diglot/diglot/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// backend serves as serve does and operates as an operator does, on one database.
type backend struct {
	core.Store
	core.Directory
}

// Both ports have these; an operator's use of them is tested elsewhere.

func (b backend) CreateAccount(ctx context.Context, a core.Account) error {
	return b.Store.CreateAccount(ctx, a)
}

func (b backend) Account(ctx context.Context, tenant core.TenantID, id string) (core.Account, error) {
	return b.Store.Account(ctx, tenant, id)
}

func (b backend) DeleteAccount(ctx context.Context, tenant core.TenantID, id string) error {
	return b.Store.DeleteAccount(ctx, tenant, id)
}

func (b backend) RevokeSession(ctx context.Context, tenant core.TenantID, id core.SessionID, at time.Time) error {
	return b.Store.RevokeSession(ctx, tenant, id, at)
}

func (b backend) MCPServer(ctx context.Context, tenant core.TenantID, ref core.MCPServerRef) (core.MCPServer, error) {
	return b.Store.MCPServer(ctx, tenant, ref)
}

func (b backend) MCPServerPage(
	ctx context.Context, tenant core.TenantID, order core.Order, offset, limit int,
) ([]core.MCPServer, int, error) {
	return b.Store.MCPServerPage(ctx, tenant, order, offset, limit)
}

func (b backend) MCPServersFrom(
	ctx context.Context, tenant core.TenantID, from core.Place, dir core.Direction, limit int,
) ([]core.MCPServer, error) {
	return b.Store.MCPServersFrom(ctx, tenant, from, dir, limit)
}

func (b backend) CreateMCPServer(ctx context.Context, tenant core.TenantID, c core.Creation) (core.MCPServer, error) {
	return b.Store.CreateMCPServer(ctx, tenant, c)
}

func (b backend) CreateAgent(ctx context.Context, tenant core.TenantID, a core.Agent) (core.Agent, error) {
	return b.Store.CreateAgent(ctx, tenant, a)
}

func TestPostgresKeepsTheContract(t *testing.T) {
	t.Parallel()
	coretest.Run(t, func(t *testing.T) coretest.Backend {
		url := storetest.New(t)
		return backend{open(t, url, store.Runtime), open(t, url, store.Operator)}
	})
}

func (b backend) IssueSession(ctx context.Context, tenant core.TenantID, r core.SessionRequest) (core.Session, error) {
	return b.Store.IssueSession(ctx, tenant, r)
}

// testConns keeps tests in parallel within what a server takes by default.
const testConns = 6

func open(t testing.TB, url string, role store.Role) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{URL: url, Role: role, MaxConns: testConns})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

// epoch is when the tests happen.
var epoch = time.Date(2026, time.March, 4, 5, 6, 7, 89*int(time.Millisecond), time.UTC)

func newTenant(t testing.TB, operator core.Directory, name string) core.Tenant {
	t.Helper()
	tenant := core.Tenant{
		ID: core.NewTenantID(), Name: name, RefoldRevision: core.RefoldLegacy, CreatedAt: epoch,
		Refold:    &core.RefoldAddress{OrgID: "org-" + name, Environment: core.Test},
		CometChat: &core.CometChatAddress{AppID: "app-" + name, Region: "eu"},
	}
	require.NoError(t, operator.CreateTenant(t.Context(), tenant))
	return tenant
}

// newServer makes a server that collides with no other but in its place.
func newServer(name string) core.MCPServer {
	id := newID(epoch)
	return core.MCPServer{
		ID: id, Slug: "s-" + id.String(), Name: name,
		Place: core.PlaceAt(epoch), CreatedAt: epoch, UpdatedAt: epoch, Revision: 1,
	}
}

// newAgent makes an agent that collides with no other but in its place.
func newAgent(slugs ...string) core.Agent {
	return core.Agent{
		UID: core.AgentUID(core.NewUUID()), Name: "agent", MCPServers: slugs,
		Place: core.PlaceAt(epoch), CreatedAt: epoch, UpdatedAt: epoch, Revision: 1,
	}
}

var newID = core.NewIDSource()

// sessionRequest asks for a fresh session that lives an hour.
func sessionRequest(account string) core.SessionRequest {
	at := epoch.Unix()
	return core.SessionRequest{
		Session: core.Session{
			SessionID:        core.SessionID{Account: account, IssuedAt: at, ExpiresAt: at + 3600},
			RefreshExpiresAt: at + 7200,
		},
		Fresh: true, ReusableUntil: at + 60, ExpiredBefore: at - 60,
	}
}

// bySession gives a context that acts by the session.
func bySession(t *testing.T, s core.Session) context.Context {
	t.Helper()
	return core.WithSession(t.Context(), &core.SessionUse{ID: s.SessionID})
}

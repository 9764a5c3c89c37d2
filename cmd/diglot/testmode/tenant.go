package testmode

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects/refold"
)

// DefaultTenant is the tenant that there is where no other is asked for.
const DefaultTenant = "test"

// Account is the linked account that each tenant has.
const Account = "customer@example.com"

// region is each tenant's at CometChat.
const region = "us"

// Tenant is a tenant to make. What is left empty is made from its name.
type Tenant struct {
	Name         string
	Revision     core.RefoldRevision // empty: legacy
	RefoldKey    string
	CometChatKey string
}

// Credentials is how a tenant is reached.
type Credentials struct {
	Tenant       string `json:"tenant"`
	Revision     string `json:"refold_revision"`
	RefoldOrg    string `json:"refold_org"`
	RefoldEnv    string `json:"refold_env"`
	RefoldKey    string `json:"refold_key"` // header x-api-key, with Account in linked_account_id
	Account      string `json:"linked_account_id"`
	CometChatApp string `json:"cometchat_app"`
	Region       string `json:"cometchat_region"`
	CometChatKey string `json:"cometchat_key"` // header apikey
}

// Credentials gives how a tenant is reached: all of it follows from its name, but
// for keys that were given.
func (t Tenant) Credentials() Credentials {
	sum := func(what string) [sha256.Size]byte {
		return sha256.Sum256([]byte("diglot test " + what + " " + t.Name))
	}
	org, app := sum("org"), sum("cometchat key")
	c := Credentials{
		Tenant: t.Name, Revision: string(t.Revision), RefoldOrg: hex.EncodeToString(org[:12]), RefoldEnv: string(core.Test),
		RefoldKey: t.RefoldKey, Account: Account, CometChatApp: "diglot-" + t.Name, Region: region, CometChatKey: t.CometChatKey,
	}
	if c.Revision == "" {
		c.Revision = string(core.RefoldLegacy)
	}
	if c.RefoldKey == "" {
		c.RefoldKey = "tk" + uuidOf(sum("refold key"))
	}
	if c.CometChatKey == "" {
		c.CometChatKey = hex.EncodeToString(app[:20])
	}
	return c
}

// actor is who the history says has made what test mode makes by itself.
var actor = &core.Actor{Kind: core.OperatorActor, ID: "test mode"}

// create makes a tenant with its keys and its account. note is told of it before it
// has any.
func (t Tenant) create(ctx context.Context, o *core.Operator, note func(core.Tenant)) error {
	ctx = core.WithActor(ctx, actor)
	c := t.Credentials()
	made, err := o.CreateTenant(ctx, core.Tenant{
		Name: t.Name, RefoldRevision: t.Revision,
		Refold:    &core.RefoldAddress{OrgID: c.RefoldOrg, Environment: core.Test},
		CometChat: &core.CometChatAddress{AppID: c.CometChatApp, Region: c.Region},
	})
	if err != nil {
		return fmt.Errorf("tenant %q: %w", t.Name, err)
	}
	note(made)
	if _, err := o.CreateKey(ctx, made, core.Refold, c.RefoldKey); err != nil {
		return fmt.Errorf("tenant %q: Refold key: %w", t.Name, err)
	}
	if _, err := o.CreateKey(ctx, made, core.CometChat, c.CometChatKey); err != nil {
		return fmt.Errorf("tenant %q: CometChat key: %w", t.Name, err)
	}
	if _, err := o.CreateAccount(ctx, made, Account); err != nil {
		return fmt.Errorf("tenant %q: account: %w", t.Name, err)
	}
	return nil
}

// tenants are those whose credentials are known: that were made here.
type tenants struct {
	mu     sync.Mutex
	byName map[string]Tenant
}

func (t *tenants) add(list ...Tenant) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byName == nil {
		t.byName = map[string]Tenant{}
	}
	for _, one := range list {
		t.byName[one.Name] = one
	}
}

func (t *tenants) get(name string) (Tenant, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	found, ok := t.byName[name]
	return found, ok
}

// Credentials gives how a tenant that was made here is reached; false: there is
// none of that name.
func (m *Mode) Credentials(name string) (Credentials, bool) {
	t, ok := m.known.get(name)
	if !ok {
		return Credentials{}, false
	}
	return t.Credentials(), true
}

// Token issues a session token of a tenant's linked account, of the default
// lifetime. NotFound.
func (m *Mode) Token(ctx context.Context, tenant, account string) (string, error) {
	t, err := m.backend.Operator.Tenant(ctx, tenant)
	if err != nil {
		return "", err
	}
	l := refold.DefaultLifetimes
	s, err := m.backend.Operator.IssueSession(ctx, t, core.NewSession{
		Account: account, Lifetime: l.Token.Truncate(time.Second), RefreshLifetime: l.Refresh,
	})
	if err != nil {
		return "", err
	}
	return m.backend.Tokens.Token(*t.Refold, s.SessionID)
}

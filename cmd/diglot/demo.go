package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects/cometchat"
	"github.com/diglot/diglot/dialects/refold"
)

// The demo tenant. Its org id spells "diglot-demo" in ASCII.
const (
	demoTenant  = "demo"
	demoOrg     = "6469676c6f742d64656d6f00"
	demoApp     = "diglot-demo"
	demoAccount = "customer@example.com"
)

// demo is what the two curl commands need.
type demo struct {
	refoldKey    string
	cometChatKey string
}

// makeDemo makes the demo tenant where it is missing. Its keys come from the
// installation's secret, so that they can be printed at every start although
// only their hashes are kept.
func makeDemo(ctx context.Context, o *core.Operator, secret *core.Secret) (demo, error) {
	d := demo{refoldKey: demoRefoldKey(secret), cometChatKey: hex.EncodeToString(secret.Derive("demo cometchat key")[:20])}
	t, err := o.CreateTenant(ctx, core.Tenant{
		Name:      demoTenant,
		Refold:    &core.RefoldAddress{OrgID: demoOrg, Environment: core.Test},
		CometChat: &core.CometChatAddress{AppID: demoApp, Region: "us"},
	})
	if core.IsConflictOn(err, "name") {
		t, err = o.Tenant(ctx, demoTenant)
	}
	if err != nil {
		return d, fmt.Errorf("demo tenant: %w", err)
	}
	if _, err := o.CreateKey(ctx, t, core.Refold, d.refoldKey); err != nil && core.KindOf(err) != core.Conflict {
		return d, fmt.Errorf("demo key: %w", err)
	}
	if _, err := o.CreateKey(ctx, t, core.CometChat, d.cometChatKey); err != nil && core.KindOf(err) != core.Conflict {
		return d, fmt.Errorf("demo key: %w", err)
	}
	if _, err := o.CreateAccount(ctx, t, demoAccount); err != nil && core.KindOf(err) != core.Conflict {
		return d, fmt.Errorf("demo account: %w", err)
	}
	return d, nil
}

// demoRefoldKey has the vendor's shape: the prefix of a test key and a UUID.
func demoRefoldKey(secret *core.Secret) string {
	h := hex.EncodeToString(secret.Derive("demo refold key")[:16])
	return "tk" + h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// print writes the two commands. The time in the names makes each start's
// commands new ones: a name, and a slug, can be taken once.
func (d *demo) print(w io.Writer, addr net.Addr, now time.Time) error {
	if d == nil { // not asked for
		return nil
	}
	_, err := fmt.Fprintf(w, `Diglot is ready. Each command creates an MCP server in tenant %q; the other dialect shows it too.

# Refold
curl -sS http://%[2]s%[3]s/mcp-servers -H 'x-api-key: %[4]s' -H 'linked_account_id: %[5]s' -H 'Content-Type: application/json' -d '{"name":"Weather %[6]s","description":"Weather for cities"}'

# CometChat
curl -sS http://%[2]s%[7]s/mcp-servers -H 'apikey: %[8]s' -H 'Content-Type: application/json' -d '{"name":"Maps %[6]s","slug":"maps-%[6]s","url":"http://localhost:3001"}'

`, demoTenant, reachable(addr), refold.Prefix, d.refoldKey, demoAccount, now.UTC().Format("20060102-150405"), cometchat.Prefix, d.cometChatKey)
	return err
}

// reachable gives an address that a client on this machine can use: "every
// address" is not one.
func reachable(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return addr.String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

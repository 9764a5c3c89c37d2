package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects/cometchat"
	"github.com/diglot/diglot/dialects/refold"
)

// standing is what a credential, or a request with several, amounts to.
type standing string

const (
	absent    standing = "absent"
	notBearer standing = "not bearer" // an authorization of another scheme
	bad       standing = "bad"        // nobody's, or one that has ended
	own       standing = "own"        // of the tenant whose records are asked for
	foreign   standing = "foreign"    // another tenant's, and good
	noAccount standing = "no account" // a key without the linked account that goes with it
	authOnly  standing = "authOnly"   // a key of another scope
	otherApp  standing = "other app"  // the address names another app than the key's
)

// credential is one way to say who asks.
type credential struct {
	name    string
	dialect core.DialectName
	lines   func() []string // header lines; "?": a query
	// What its key and its token amount to where they are taken.
	key, token standing
	bare       bool   // a key without its linked account
	account    string // of the token; "": the test's
}

// standingAt says what a request by the credential is to a route, and whether
// its token decides.
func (c *credential) standingAt(r *route) (s standing, byToken bool) {
	switch {
	case r.takes("sessionToken") && c.token != absent && c.token != notBearer:
		return c.token, true
	case !r.takes("apiKey"):
		return absent, true
	case c.key == absent && c.token == notBearer && r.takes("sessionToken"):
		return bad, false
	case c.bare && r.wantsAccount() && (c.key == own || c.key == foreign):
		return noAccount, false
	default:
		return c.key, false
	}
}

// issuer makes credentials of every kind.
type issuer struct {
	*inProcess

	t                         *testing.T
	acme, thief, production   core.Tenant
	past                      *core.Operator // two hours ago
	refoldKeys, cometChatKeys map[string]string
	all                       []credential
	suspended, deleted        string // tokens
	retired                   string // a token
}

const accountLine = "linked_account_id: " + testAccount

// issueAll makes them. The tenants acme, which is asked for, and thief are the ones of names.
func (g *inProcess) issueAll(t *testing.T, acme, thief, production core.Tenant) []credential {
	t.Helper()
	i := &issuer{inProcess: g, t: t, acme: acme, thief: thief, production: production, refoldKeys: map[string]string{}, cometChatKeys: map[string]string{}}
	i.past = core.NewOperator(g.directory, g.secret, func() time.Time { return time.Now().Add(-2 * time.Hour) })
	i.retire()
	i.keys()
	i.accounts()
	i.keyKinds()
	i.spellings()
	i.tokenKinds()
	i.forgeries()
	i.mixes()
	i.cometChatKinds()
	return i.all
}

// retire ends the first signing key: all that is issued from now on is signed
// with the next.
func (i *issuer) retire() {
	i.retired = i.issue(i.acme, testAccount)
	_, err := i.operator.RotateSigningKey(i.t.Context())
	require.NoError(i.t, err)
	_, err = i.operator.RetireSigningKey(i.t.Context(), "")
	require.NoError(i.t, err)
}

// issue gives a token of a new session.
func (i *issuer) issue(tenant core.Tenant, account string) string {
	return i.sign(tenant, i.newSession(tenant, account).SessionID)
}

func (i *issuer) newSession(tenant core.Tenant, account string) core.Session {
	s, err := i.operator.IssueSession(i.t.Context(), tenant, core.NewSession{Account: account, Lifetime: time.Hour, Fresh: true})
	require.NoError(i.t, err)
	return s
}

func (i *issuer) sign(tenant core.Tenant, id core.SessionID) string {
	return i.token(i.t, *tenant.Refold, id)
}

// keys makes keys of both dialects, by what became of them.
func (i *issuer) keys() {
	ctx := i.t.Context()
	issue := func(name string, tenant core.Tenant, o *core.Operator, in core.NewKey) {
		for dialect, keys := range map[core.DialectName]map[string]string{core.Refold: i.refoldKeys, core.CometChat: i.cometChatKeys} {
			in := in
			in.Dialect, in.Value = dialect, cometchat.NewAPIKey()
			if dialect == core.Refold {
				in.Value = refold.NewAPIKey(core.Test)
				if in.Scope != "" {
					continue
				}
			}
			k, err := o.IssueKey(ctx, tenant, in)
			require.NoError(i.t, err)
			keys[name] = in.Value
			switch name {
			case "revoked":
				_, err = i.operator.RevokeKey(ctx, k.ID)
			case "rotated":
				_, _, err = i.operator.RotateKey(ctx, k.ID, in.Value+"-next", 0, nil)
			}
			require.NoError(i.t, err)
		}
	}
	issue("own", i.acme, i.operator, core.NewKey{})
	issue("thief's", i.thief, i.operator, core.NewKey{})
	issue("production's", i.production, i.operator, core.NewKey{})
	issue("expired", i.acme, i.past, core.NewKey{ExpiresAt: new(time.Now().Add(-time.Hour))})
	issue("revoked", i.acme, i.operator, core.NewKey{})
	issue("rotated", i.acme, i.operator, core.NewKey{})
	issue("authOnly", i.acme, i.operator, core.NewKey{Scope: core.AuthOnly})
	issue("thief's authOnly", i.thief, i.operator, core.NewKey{Scope: core.AuthOnly})
	for _, name := range []string{"suspended", "deleted"} {
		tenant, _ := i.tenant(i.t, name, "6500a1b2c3d4e5f6a7b8c9"+name[:2], name+"-app")
		issue(name, tenant, i.operator, core.NewKey{})
		token := i.issue(tenant, testAccount)
		if name == "suspended" {
			_, err := i.operator.SuspendTenant(ctx, name)
			require.NoError(i.t, err)
			i.suspended = token
		} else {
			require.NoError(i.t, i.operator.DeleteTenant(ctx, name, nil))
			i.deleted = token
		}
	}
	i.refoldKeys["unknown"], i.cometChatKeys["unknown"] = refold.NewAPIKey(core.Test), cometchat.NewAPIKey()
}

func fixed(lines ...string) func() []string { return func() []string { return lines } }

func (i *issuer) refold(name string, key, token standing, lines ...string) {
	i.all = append(i.all, credential{name: name, dialect: core.Refold, key: key, token: token, lines: fixed(lines...)})
}

// keyKinds are Refold's keys, with an account beside them.
func (i *issuer) keyKinds() {
	i.refold("unknown key", bad, absent, "x-api-key: "+i.refoldKeys["unknown"], accountLine)
	i.refold("nothing", absent, absent)
	i.refold("an account alone", absent, absent, accountLine)
	for _, name := range []string{"expired", "revoked", "rotated", "suspended", "deleted"} {
		i.refold(name+" key", bad, absent, "x-api-key: "+i.refoldKeys[name], accountLine)
	}
	key := i.refoldKeys["own"]
	for name, value := range map[string]string{
		"garbage": "garbage", "longer garbage": strings.Repeat("k", 2000), "bytes that are no text": "tk\xff\xfe",
		"the start": key[:len(key)-1], "more": key + "0", "capitals": strings.ToUpper(key),
		"the other dialect's": i.cometChatKeys["own"], "the other dialect's authOnly": i.cometChatKeys["authOnly"],
		"two with a comma": key + ", " + key, "a quoted one": `"` + key + `"`, "a bearer": "Bearer " + key,
	} {
		i.refold("as a key "+name, bad, absent, "x-api-key: "+value, accountLine)
	}
	i.refold("thief's key", foreign, absent, "x-api-key: "+i.refoldKeys["thief's"], accountLine)
	i.refold("another environment's key", foreign, absent, "x-api-key: "+i.refoldKeys["production's"], accountLine)
	i.refold("empty key", absent, absent, "x-api-key: ", accountLine)
	i.refold("key in the query", absent, absent, "?x-api-key="+key+"&apikey="+key+"&token="+key, accountLine)
	i.refold("key as the other dialect sends one", absent, absent, "apikey: "+key, accountLine)
	i.refold("key as a bearer", absent, bad, "Authorization: Bearer "+key, accountLine)
	i.refold("key as basic", absent, notBearer, "Authorization: Basic "+key, accountLine)
	i.refold("key as a cookie", absent, absent, "Cookie: x-api-key="+key, accountLine)
	i.refold("own key", own, absent, "x-api-key: "+key, accountLine)
	i.refold("own key, the account of another tenant", own, absent, "x-api-key: "+key, "linked_account_id: "+thiefsAccount)
	for name, lines := range map[string][]string{
		"no account": {}, "an empty account": {"linked_account_id: "},
	} {
		for whose, s := range map[string]standing{"own": own, "thief's": foreign, "revoked": bad} {
			i.refold(whose+" key, "+name, s, absent, append(lines, "x-api-key: "+i.refoldKeys[whose])...)
			i.all[len(i.all)-1].bare = true
		}
	}
}

// spellings are good credentials, as proxies and clients write them.
func (i *issuer) spellings() {
	key, thiefs, unknown := i.refoldKeys["own"], i.refoldKeys["thief's"], i.refoldKeys["unknown"]
	for _, name := range []string{"X-API-KEY", "X-Api-Key", "x-API-key"} {
		i.refold(name, own, absent, name+": "+key, "LINKED_ACCOUNT_ID: "+testAccount)
		i.refold(name+" of the thief's", foreign, absent, name+": "+thiefs, "Linked-Account-Id: "+testAccount)
	}
	// Of two the first counts; nothing is made of both.
	i.refold("own key before the thief's", own, absent, "x-api-key: "+key, "x-api-key: "+thiefs, accountLine)
	i.refold("thief's key before the own", foreign, absent, "x-api-key: "+thiefs, "x-api-key: "+key, accountLine)
	i.refold("unknown key before the own", bad, absent, "x-api-key: "+unknown, "x-api-key: "+key, accountLine)
	i.refold("empty key before the own", absent, absent, "x-api-key: ", "x-api-key: "+key, accountLine)
}

// mixes have a key and a token: where both are taken the token counts.
func (i *issuer) mixes() {
	for _, key := range []struct {
		standing standing
		value    string
	}{{own, i.refoldKeys["own"]}, {foreign, i.refoldKeys["thief's"]}, {bad, i.refoldKeys["revoked"]}} {
		for _, token := range []struct {
			standing standing
			issue    func() string
		}{
			{own, func() string { return i.issue(i.acme, testAccount) }},
			{foreign, func() string { return i.issue(i.thief, testAccount) }},
			{bad, func() string { return i.retired }},
		} {
			i.all = append(i.all, credential{
				name: string(key.standing) + " key and " + string(token.standing) + " token", dialect: core.Refold, key: key.standing, token: token.standing,
				lines: func() []string { return []string{"x-api-key: " + key.value, accountLine, bearerLine + token.issue()} },
			})
		}
	}
	i.all = append(i.all, credential{
		name: "retired token before the own", dialect: core.Refold, key: absent, token: bad,
		lines: func() []string {
			return []string{bearerLine + i.retired, bearerLine + i.issue(i.acme, testAccount)}
		},
	})
}

func (i *issuer) cometChat(name string, key standing, lines ...string) {
	i.all = append(i.all, credential{name: name, dialect: core.CometChat, key: key, token: absent, lines: fixed(lines...)})
}

// cometChatKinds are keys of CometChat's.
func (i *issuer) cometChatKinds() {
	keys := i.cometChatKeys
	key := keys["own"]
	i.cometChat("unknown key", bad, "apikey: "+keys["unknown"])
	i.cometChat("nothing", absent)
	for _, name := range []string{"expired", "revoked", "rotated", "suspended", "deleted"} {
		i.cometChat(name+" key", bad, "apikey: "+keys[name])
	}
	for name, value := range map[string]string{
		"garbage": "garbage garbage", "longer garbage": strings.Repeat("0", 2000), "the start": key[:len(key)-1], "more": key + "0",
		"capitals": strings.ToUpper(key), "the other dialect's": i.refoldKeys["own"], "two with a comma": key + "," + key, "a token": i.issue(i.acme, testAccount),
	} {
		i.cometChat("as a key "+name, bad, "apikey: "+value)
	}
	i.cometChat("thief's key", foreign, "apikey: "+keys["thief's"])
	i.cometChat("thief's key of another spelling", foreign, "APIKEY: "+keys["thief's"])
	i.cometChat("another environment's key", foreign, "apikey: "+keys["production's"])
	i.cometChat("empty key", absent, "apikey: ")
	i.cometChat("key in the query", absent, "?apikey="+key)
	i.cometChat("key as the other dialect sends one", absent, "x-api-key: "+key, accountLine)
	i.cometChat("key as a bearer", absent, bearerLine+key)
	i.cometChat("token of the other dialect", absent, bearerLine+i.issue(i.acme, testAccount))
	i.cometChat("own keys of both dialects", own, "apikey: "+key, "x-api-key: "+i.refoldKeys["own"], accountLine)
	i.cometChat("thief's key and our other key", foreign, "apikey: "+keys["thief's"], "x-api-key: "+i.refoldKeys["own"], accountLine)
	i.cometChat("authOnly key", authOnly, "apikey: "+keys["authOnly"])
	i.cometChat("thief's authOnly key", authOnly, "apikey: "+keys["thief's authOnly"])
	for _, name := range []string{"apikey", "APIKEY", "ApiKey", "aPIkEY"} {
		i.cometChat("own "+name, own, name+": "+key)
	}
	i.cometChat("own key before the thief's", own, "apikey: "+key, "apikey: "+keys["thief's"])
	i.cometChat("thief's key before the own", foreign, "apikey: "+keys["thief's"], "apikey: "+key)
	i.cometChat("unknown key before the own", bad, "apikey: "+keys["unknown"], "apikey: "+key)
	ours, theirs := i.acme.CometChat.AppID, i.thief.CometChat.AppID
	for name, line := range map[string]string{"header": "appid: %", "host": "Host: %.api-us.example.com"} {
		at := func(app string) string { return strings.Replace(line, "%", app, 1) }
		i.cometChat("own key, own "+name, own, "apikey: "+key, at(ours))
		i.cometChat("own key, thief's "+name, otherApp, "apikey: "+key, at(theirs))
		i.cometChat("thief's key, our "+name, otherApp, "apikey: "+keys["thief's"], at(ours))
		i.cometChat("thief's authOnly key, our "+name, otherApp, "apikey: "+keys["thief's authOnly"], at(ours))
		i.cometChat("unknown key, our "+name, bad, "apikey: "+keys["unknown"], at(ours))
		i.cometChat("no key, our "+name, absent, at(ours))
	}
}

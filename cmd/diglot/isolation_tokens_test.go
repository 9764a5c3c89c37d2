package main

import (
	"encoding/base64"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects/refold"
)

func (i *issuer) tokens(name string, s standing, account, scheme string, token func() string) {
	i.all = append(i.all, credential{
		name: name, dialect: core.Refold, key: absent, token: s, account: account,
		lines: func() []string { return []string{scheme + token()} },
	})
}

const bearerLine = "Authorization: Bearer "

// tokenKinds are session tokens.
func (i *issuer) tokenKinds() {
	always := func(token string) func() string { return func() string { return token } }
	live := func(tenant core.Tenant, account string) func() string {
		return func() string { return i.issue(tenant, account) } // a request may end it
	}
	i.tokens("unknown token", bad, "", bearerLine, always("unknown"))
	i.tokens("token of a retired key", bad, "", bearerLine, always(i.retired))
	i.tokens("token of a suspended tenant", bad, "", bearerLine, always(i.suspended))
	i.tokens("token of a deleted tenant", bad, "", bearerLine, always(i.deleted))
	i.tokens("token of an account that is gone", bad, "", bearerLine, always(i.endedToken("gone")))
	i.tokens("token of an account that was made again", bad, "", bearerLine, always(i.endedToken("returned")))
	i.tokens("revoked token", bad, "", bearerLine, always(i.endedToken("revoked")))
	old, err := i.past.IssueSession(i.t.Context(), i.acme, core.NewSession{Account: testAccount, Lifetime: time.Hour, Fresh: true})
	require.NoError(i.t, err)
	i.tokens("expired token", bad, "", bearerLine, always(i.sign(i.acme, old.SessionID)))
	refresh, err := i.inProcess.tokens.RefreshToken(*i.acme.Refold, i.newSession(i.acme, testAccount))
	require.NoError(i.t, err)
	i.tokens("refresh token", bad, "", bearerLine, always(refresh))
	i.tokens("no token", bad, "", "Authorization: Bearer", always(""))
	i.tokens("token as basic", notBearer, "", "Authorization: Basic ", live(i.acme, testAccount))
	i.tokens("token without a scheme", notBearer, "", "Authorization: ", live(i.acme, testAccount))
	i.tokens("thief's token", foreign, "", bearerLine, live(i.thief, testAccount))
	i.tokens("another environment's token", foreign, "", bearerLine, live(i.production, testAccount))
	i.tokens("own token", own, "", bearerLine, live(i.acme, testAccount))
	i.tokens("own token of another account", own, otherAccount, bearerLine, live(i.acme, otherAccount))
	i.tokens("own token, bearer in lower case", own, "", "authorization: bearer ", live(i.acme, testAccount))
	i.tokens("own token, bearer in capitals", own, "", "AUTHORIZATION: BEARER  ", live(i.acme, testAccount))
}

// One more account of acme's, and one of the thief's.
const (
	otherAccount  = "other@example.com"
	thiefsAccount = "thief@example.com"
)

func (i *issuer) accounts() {
	_, err := i.operator.CreateAccount(i.t.Context(), i.acme, otherAccount)
	require.NoError(i.t, err)
	_, err = i.operator.CreateAccount(i.t.Context(), i.thief, thiefsAccount)
	require.NoError(i.t, err)
}

// endedToken gives a token whose session has ended.
func (i *issuer) endedToken(how string) string {
	ctx, account := i.t.Context(), how+"@example.com"
	_, err := i.operator.CreateAccount(ctx, i.acme, account)
	require.NoError(i.t, err)
	session := i.newSession(i.acme, account)
	if how == "revoked" {
		require.NoError(i.t, i.service.RevokeSession(ctx, &core.Principal{Tenant: &i.acme, Session: &session.SessionID}))
	} else {
		require.NoError(i.t, i.service.DeleteLinkedAccount(ctx, i.acme.ID, account))
	}
	if how == "returned" {
		_, err = i.operator.CreateAccount(ctx, i.acme, account)
		require.NoError(i.t, err)
	}
	return i.sign(i.acme, session.SessionID)
}

// forgeries are tokens that nobody issued.
func (i *issuer) forgeries() {
	// Nobody else has the account: a session of that second would be the same.
	session := i.newSession(i.acme, otherAccount).SessionID
	good, thiefs := i.sign(i.acme, session), i.issue(i.thief, testAccount)
	part := func(token string, n int) string { return strings.Split(token, ".")[n] }
	with := func(change func(*core.SessionID)) string {
		id := session
		change(&id)
		return i.sign(i.acme, id)
	}
	signed := func(method jwt.SigningMethod, key any, claims string) string {
		text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"`+method.Alg()+`","typ":"JWT","kid":"`+session.KeyID+`"}`)) + "." + claims
		signature, err := method.Sign(text, key)
		require.NoError(i.t, err)
		return text + "." + base64.RawURLEncoding.EncodeToString(signature)
	}
	other, err := core.NewSecret([]byte("the secret of somebody else"))
	require.NoError(i.t, err)
	strangers, err := refold.NewTokens(other, refold.DefaultLifetimes).Token(*i.acme.Refold, session)
	require.NoError(i.t, err)
	key := i.secret.Derive("session token signature " + session.KeyID)
	for name, token := range map[string]string{
		"of another signature":     part(good, 0) + "." + part(good, 1) + "." + part(thiefs, 2),
		"with the thief's claims":  part(good, 0) + "." + part(thiefs, 1) + "." + part(good, 2),
		"of the thief's with ours": part(thiefs, 0) + "." + part(good, 1) + "." + part(thiefs, 2),
		"without its end":          good[:len(good)-1],
		"without a signature":      part(good, 0) + "." + part(good, 1) + ".",
		"of alg none":              signed(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, part(good, 1)),
		"of HS512":                 signed(jwt.SigningMethodHS512, key, part(good, 1)),
		"signed with nothing":      signed(jwt.SigningMethodHS256, []byte{}, part(good, 1)),
		"of another secret":        strangers,
		"of no session":            with(func(s *core.SessionID) { s.ExpiresAt += 3600 }),
		"of nobody":                with(func(s *core.SessionID) { s.Account = "nobody" }),
		"of another account":       with(func(s *core.SessionID) { s.Account = thiefsAccount }),
		"of an unknown key":        with(func(s *core.SessionID) { s.KeyID = "k1" }),
		"of the retired key":       with(func(s *core.SessionID) { s.KeyID = "" }),
		"of our session elsewhere": i.token(i.t, *i.production.Refold, session),
		"of our session, thief's":  i.token(i.t, *i.thief.Refold, session),
	} {
		i.tokens("a token "+name, bad, "", bearerLine, func() string { return token })
	}
	_, err = i.service.PrincipalBySession(i.t.Context(), *i.acme.Refold, session)
	require.NoError(i.t, err, "what forgeries are made of is good")
}

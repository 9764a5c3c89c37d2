package refold

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

var (
	tokenTime    = time.Date(2025, time.July, 9, 8, 9, 43, 0, time.UTC)
	tokenAddress = core.RefoldAddress{OrgID: "6698b77a733c5ebd8908189e", Environment: core.Test}
)

const tokenAccount = "customer@example.com"

// tokenSession lives an hour from tokenTime on.
var tokenSession = core.SessionID{Account: tokenAccount, IssuedAt: tokenTime.Unix(), ExpiresAt: tokenTime.Add(time.Hour).Unix()}

func newTokens(t testing.TB, material string) *Tokens {
	t.Helper()
	secret, err := core.NewSecret([]byte(material))
	require.NoError(t, err)
	return NewTokens(secret, DefaultLifetimes)
}

func ours(t testing.TB) *Tokens { return newTokens(t, "the secret of this installation") }

// goodClaims are those of a token that is good at tokenTime.
func goodClaims() jwt.MapClaims {
	return jwt.MapClaims{
		"org_id": tokenAddress.OrgID, "linked_account_id": tokenAccount, "environment": "test",
		"iat": tokenTime.Unix(), "exp": tokenTime.Add(time.Hour).Unix(),
	}
}

func sign(t testing.TB, method jwt.SigningMethod, key any, c jwt.MapClaims) string {
	t.Helper()
	token, err := jwt.NewWithClaims(method, c).SignedString(key)
	require.NoError(t, err)
	return token
}

// withKey signs good claims under a header that names a key.
func withKey(t testing.TB, kid any, key []byte) string {
	t.Helper()
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, goodClaims())
	token.Header["kid"] = kid
	signed, err := token.SignedString(key)
	require.NoError(t, err)
	return signed
}

// The recorded token's header and claims, decoded: contract 2.7.
const (
	recordedHeader = `{"alg":"HS256","typ":"JWT"}`
	recordedClaims = `{"org_id":"63c93da0b46b7243785a1e17","linked_account_id":"12345678","environment":"test","iat":1686643089,"exp":1686902289}`
)

func TestMintedTokensHaveTheRecordedClaimsAndNoOthers(t *testing.T) {
	t.Parallel()
	token, err := ours(t).Token(core.RefoldAddress{OrgID: "63c93da0b46b7243785a1e17", Environment: core.Test},
		core.SessionID{Account: "12345678", IssuedAt: 1686643089, ExpiresAt: 1686643089 + 72*3600})
	require.NoError(t, err)
	encode := base64.RawURLEncoding.EncodeToString
	require.True(t, strings.HasPrefix(token, encode([]byte(recordedHeader))+"."+encode([]byte(recordedClaims))+"."), token)
	require.Equal(t, 2, strings.Count(token, "."))
}

func TestMintedTokensAreGoodUntilTheyExpire(t *testing.T) {
	t.Parallel()
	tokens := ours(t)
	token, err := tokens.Token(tokenAddress, tokenSession)
	require.NoError(t, err)
	for _, moment := range []struct {
		after time.Duration
		good  bool
	}{
		{-tokenLeeway - time.Second, false}, // minted in the future
		{-tokenLeeway + time.Second, true},
		{0, true},
		{time.Hour - time.Second, true},
		{time.Hour + tokenLeeway - time.Second, true},
		{time.Hour + tokenLeeway + time.Second, false},
		{24 * 365 * time.Hour, false},
	} {
		c, err := tokens.verify(token, tokenTime.Add(moment.after))
		require.Equal(t, moment.good, err == nil, "%v after: %v", moment.after, err)
		if moment.good {
			require.Equal(t, tokenAddress.OrgID, c.OrgID)
			require.Equal(t, "test", c.Environment)
			require.Equal(t, tokenSession, c.session())
		}
	}
}

func TestATokenIsTheSameEachTimeAndNamesTheKeyThatSignedIt(t *testing.T) {
	t.Parallel()
	const header = `{"alg":"HS256","kid":"k1_-A","typ":"JWT"}`
	rotated := tokenSession
	rotated.KeyID = "k1_-A"
	for _, id := range []core.SessionID{tokenSession, rotated} {
		one, err := ours(t).Token(tokenAddress, id)
		require.NoError(t, err)
		two, err := ours(t).Token(tokenAddress, id)
		require.NoError(t, err)
		require.Equal(t, one, two)
		require.Equal(t, id.KeyID != "", strings.HasPrefix(one, base64.RawURLEncoding.EncodeToString([]byte(header))+"."))
		tokens := ours(t)
		for range 2 { // parsed, then remembered
			c, err := tokens.verify(one, tokenTime)
			require.NoError(t, err)
			require.Equal(t, id, c.session())
		}
	}
}

func TestARefreshTokenIsNoSessionToken(t *testing.T) {
	t.Parallel()
	tokens := ours(t)
	s := core.Session{SessionID: tokenSession, RefreshExpiresAt: tokenTime.Add(24 * time.Hour).Unix()}
	token, err := tokens.RefreshToken(tokenAddress, s)
	require.NoError(t, err)
	const claims = `{"org_id":"6698b77a733c5ebd8908189e","linked_account_id":"customer@example.com","environment":"test",` +
		`"is_refresh":true,"iat":1752048583,"exp":1752134983}`
	require.Equal(t, base64.RawURLEncoding.EncodeToString([]byte(claims)), strings.Split(token, ".")[1])
	for range 2 {
		_, err = tokens.verify(token, tokenTime)
		require.ErrorIs(t, err, errRefreshToken)
	}
}

func TestTokensThatAreNotOursAreRefused(t *testing.T) {
	t.Parallel()
	tokens := ours(t)
	with := func(name string, value any) jwt.MapClaims {
		c := goodClaims()
		if value == nil {
			delete(c, name)
		} else {
			c[name] = value
		}
		return c
	}
	hs256 := func(c jwt.MapClaims) string { return sign(t, jwt.SigningMethodHS256, tokens.first, c) }
	for _, token := range []string{hs256(goodClaims()), withKey(t, "k1", keyOf(t, tokens, "k1")), withKey(t, strings.Repeat("k", 64), keyOf(t, tokens, strings.Repeat("k", 64)))} {
		_, err := tokens.verify(token, tokenTime)
		require.NoError(t, err, "the good ones")
	}
	good := hs256(goodClaims())
	header, rest, _ := strings.Cut(good, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	for name, token := range map[string]string{
		"empty":                      "",
		"garbage":                    "garbage",
		"two parts":                  header + "." + payload,
		"four parts":                 good + "." + signature,
		"no signature":               header + "." + payload + ".",
		"no header":                  "." + payload + "." + signature,
		"not base64":                 header + "." + payload + ".!!",
		"padded":                     good + "=",
		"another's payload":          header + "." + strings.Split(hs256(with("org_id", "x")), ".")[1] + "." + signature,
		"alg none":                   sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, goodClaims()),
		"alg HS384":                  sign(t, jwt.SigningMethodHS384, tokens.first, goodClaims()),
		"alg HS512":                  sign(t, jwt.SigningMethodHS512, tokens.first, goodClaims()),
		"no key":                     sign(t, jwt.SigningMethodHS256, []byte{}, goodClaims()),
		"another installation's key": sign(t, jwt.SigningMethodHS256, newTokens(t, "the secret of another one").first, goodClaims()),
		"expired":                    hs256(with("exp", tokenTime.Add(-time.Hour).Unix())),
		"from the future":            hs256(with("iat", tokenTime.Add(time.Hour).Unix())),
		"no exp":                     hs256(with("exp", nil)),
		"exp 0":                      hs256(with("exp", 0)),
		"exp negative":               hs256(with("exp", -1)),
		"exp text":                   hs256(with("exp", "9999999999")),
		"exp list":                   hs256(with("exp", []int{1})),
		"exp huge":                   hs256(with("exp", 1e300)),
		"iat text":                   hs256(with("iat", "x")),
		"org number":                 hs256(with("org_id", 7)),
		"account list":               hs256(with("linked_account_id", []string{tokenAccount})),
		"environment object":         hs256(with("environment", map[string]string{})),
		"refresh":                    hs256(with("is_refresh", true)),
		"refresh text":               hs256(with("is_refresh", "false")),
		"another key's":              withKey(t, "k2", keyOf(t, tokens, "k1")),
		"the first key's":            withKey(t, "k1", tokens.first),
		"kid empty":                  withKey(t, "", tokens.first),
		"kid null":                   withKey(t, nil, tokens.first),
		"kid number":                 withKey(t, 1, keyOf(t, tokens, "1")),
		"kid list":                   withKey(t, []string{"k1"}, keyOf(t, tokens, "k1")),
		"kid path":                   withKey(t, "../k1", keyOf(t, tokens, "../k1")),
		"kid of 65":                  withKey(t, strings.Repeat("k", 65), keyOf(t, tokens, strings.Repeat("k", 65))),
	} {
		c, err := tokens.verify(token, tokenTime)
		require.Error(t, err, "%s: %+v", name, c)
		require.NotContains(t, err.Error(), tokenAccount, name)
		if len(token) > 10 {
			require.NotContains(t, err.Error(), token, name)
		}
	}
}

func TestATokenWithoutClaimsNamesNobody(t *testing.T) {
	t.Parallel()
	tokens := ours(t)
	c, err := tokens.verify(sign(t, jwt.SigningMethodHS256, tokens.first, jwt.MapClaims{"exp": tokenTime.Add(time.Hour).Unix()}), tokenTime)
	require.NoError(t, err)
	require.Empty(t, c.OrgID, "no tenant has an empty org id, so that it is a bad credential")
}

func TestBearerTakesTheTokenOut(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]struct {
		token string
		ok    bool
	}{
		"Bearer x": {"x", true}, "bearer x": {"x", true}, "BEARER  x ": {"x", true}, "Bearer": {"", true}, "Bearer a b": {"a b", true},
		"": {"", false}, "x": {"", false}, "Bearerx": {"", false}, "Basic x": {"x", false}, "Token x": {"x", false},
	} {
		token, ok := bearer(header)
		require.Equal(t, want.ok, ok, "%q", header)
		if ok {
			require.Equal(t, want.token, token, "%q", header)
		}
	}
}

func FuzzVerify(f *testing.F) {
	tokens := ours(f)
	good := sign(f, jwt.SigningMethodHS256, tokens.first, goodClaims())
	f.Add(good)
	f.Add(sign(f, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, goodClaims()))
	f.Add(sign(f, jwt.SigningMethodHS512, tokens.first, goodClaims()))
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, token string) {
		bearer("Bearer " + token)
		c, err := tokens.verify(token, tokenTime)
		if err != nil {
			return
		}
		// Nobody can sign but us: what is taken says what the one good token says.
		require.Equal(t, tokenAccount, c.LinkedAccountID)
		require.Equal(t, tokenAddress.OrgID, c.OrgID)
		require.Equal(t, strings.LastIndexByte(good, '.'), strings.LastIndexByte(token, '.'))
	})
}

func FuzzToken(f *testing.F) {
	f.Add("6698b77a733c5ebd8908189e", tokenAccount, int64(3600))
	f.Add("", "\x00\"<é", int64(-1))
	f.Fuzz(func(t *testing.T, org, account string, seconds int64) {
		tokens := ours(t)
		lifetime := time.Duration(seconds%1_000_000) * time.Second
		session := core.SessionID{Account: account, IssuedAt: tokenTime.Unix(), ExpiresAt: tokenTime.Add(lifetime).Unix()}
		token, err := tokens.Token(core.RefoldAddress{OrgID: org, Environment: core.Production}, session)
		require.NoError(t, err)
		c, err := tokens.verify(token, tokenTime)
		require.Equal(t, lifetime+tokenLeeway > 0, err == nil, "%v: %v", lifetime, err)
		if err == nil && core.ValidText(org) && core.ValidText(account) {
			require.Equal(t, org, c.OrgID)
			require.Equal(t, account, c.LinkedAccountID)
			require.Equal(t, string(core.Production), c.Environment)
		}
	})
}

// keyOf gives the key of an id, as who knows the secret can.
func keyOf(t *testing.T, tokens *Tokens, id string) []byte {
	t.Helper()
	key, err := tokens.key(id)
	require.NoError(t, err)
	return key
}

func TestATokensKeyIsOfTheVersionThatItsIDNames(t *testing.T) {
	t.Parallel()
	one, two := core.SecretVersion{Number: 1, Material: []byte("the secret of before")}, core.SecretVersion{Number: 2, Material: []byte("the secret that came later")}
	tokensOf := func(versions ...core.SecretVersion) *Tokens {
		secret, err := core.NewVersionedSecret(versions...)
		require.NoError(t, err)
		return NewTokens(secret, DefaultLifetimes)
	}
	before, both, after := tokensOf(one), tokensOf(two, one), tokensOf(two)
	address := core.RefoldAddress{OrgID: "6698b77a733c5ebd8908189e", Environment: core.Test}
	for id, c := range map[string]struct{ knows, lacks *Tokens }{
		"": {before, after}, "k1": {before, after}, "s2-k1": {after, before},
	} {
		session := core.SessionID{Account: "a", IssuedAt: tokenTime.Unix(), ExpiresAt: tokenTime.Add(time.Hour).Unix(), KeyID: id}
		token, err := both.Token(address, session)
		require.NoError(t, err, id)
		same, err := c.knows.Token(address, session)
		require.NoError(t, err, id)
		require.Equal(t, same, token)
		for _, tokens := range []*Tokens{both, c.knows} {
			_, err = tokens.verify(token, tokenTime)
			require.NoError(t, err, id)
		}
		_, err = c.lacks.verify(token, tokenTime)
		require.ErrorIs(t, err, errNoKey, id)
		_, err = c.lacks.Token(address, session)
		require.ErrorIs(t, err, errNoKey, "nothing is signed with no key")
	}
	unnamed := sign(t, jwt.SigningMethodHS256, []byte{}, goodClaims())
	_, err := after.verify(unnamed, tokenTime)
	require.ErrorIs(t, err, errNoKey, "a key that is not there is not an empty one")
	_, err = after.verify(withKey(t, "s1-k1", []byte{}), tokenTime)
	require.ErrorIs(t, err, errNoKey)
}

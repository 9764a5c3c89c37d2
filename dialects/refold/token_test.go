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

func newTokens(t testing.TB, material string) *Tokens {
	t.Helper()
	secret, err := core.NewSecret([]byte(material))
	require.NoError(t, err)
	return NewTokens(secret)
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

// The recorded token's header and claims, decoded: contract 2.7.
const (
	recordedHeader = `{"alg":"HS256","typ":"JWT"}`
	recordedClaims = `{"org_id":"63c93da0b46b7243785a1e17","linked_account_id":"12345678","environment":"test","iat":1686643089,"exp":1686902289}`
)

func TestMintedTokensHaveTheRecordedClaimsAndNoOthers(t *testing.T) {
	t.Parallel()
	token, err := ours(t).Mint(core.RefoldAddress{OrgID: "63c93da0b46b7243785a1e17", Environment: core.Test}, "12345678",
		time.Unix(1686643089, 999), 72*time.Hour)
	require.NoError(t, err)
	encode := base64.RawURLEncoding.EncodeToString
	require.True(t, strings.HasPrefix(token, encode([]byte(recordedHeader))+"."+encode([]byte(recordedClaims))+"."), token)
	require.Equal(t, 2, strings.Count(token, "."))
}

func TestMintedTokensAreGoodUntilTheyExpire(t *testing.T) {
	t.Parallel()
	tokens := ours(t)
	token, err := tokens.Mint(tokenAddress, tokenAccount, tokenTime, time.Hour)
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
			require.Equal(t, tokenAccount, c.LinkedAccountID)
			require.Equal(t, "test", c.Environment)
		}
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
	hs256 := func(c jwt.MapClaims) string { return sign(t, jwt.SigningMethodHS256, tokens.key, c) }
	_, err := tokens.verify(hs256(goodClaims()), tokenTime)
	require.NoError(t, err, "the good one")
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
		"alg HS384":                  sign(t, jwt.SigningMethodHS384, tokens.key, goodClaims()),
		"alg HS512":                  sign(t, jwt.SigningMethodHS512, tokens.key, goodClaims()),
		"no key":                     sign(t, jwt.SigningMethodHS256, []byte{}, goodClaims()),
		"another installation's key": sign(t, jwt.SigningMethodHS256, newTokens(t, "the secret of another one").key, goodClaims()),
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
	c, err := tokens.verify(sign(t, jwt.SigningMethodHS256, tokens.key, jwt.MapClaims{"exp": tokenTime.Add(time.Hour).Unix()}), tokenTime)
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
	good := sign(f, jwt.SigningMethodHS256, tokens.key, goodClaims())
	f.Add(good)
	f.Add(sign(f, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, goodClaims()))
	f.Add(sign(f, jwt.SigningMethodHS512, tokens.key, goodClaims()))
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

func FuzzMint(f *testing.F) {
	f.Add("6698b77a733c5ebd8908189e", tokenAccount, int64(3600))
	f.Add("", "\x00\"<é", int64(-1))
	f.Fuzz(func(t *testing.T, org, account string, seconds int64) {
		tokens := ours(t)
		lifetime := time.Duration(seconds%1_000_000) * time.Second
		token, err := tokens.Mint(core.RefoldAddress{OrgID: org, Environment: core.Production}, account, tokenTime, lifetime)
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

package cometchat

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

func TestAppOfHostReadsHostsOfTheVendorsForm(t *testing.T) {
	t.Parallel()
	for host, want := range map[string][2]string{
		"my-app-id.api-us.cometchat.io":      {"my-app-id", "us"},
		"my-app-id.api-us.cometchat.io:8443": {"my-app-id", "us"},
		"My-App-ID.API-EU.CometChat.IO":      {"My-App-ID", "eu"},
		"a.api-in.localhost:8080":            {"a", "in"},
		"a.api-us.":                          {"a", "us"},
		".api-us.cometchat.io":               {"", "us"},
	} {
		id, region, ok := appOfHost(host)
		require.True(t, ok, host)
		require.Equal(t, want, [2]string{id, region}, host)
	}
	for _, host := range []string{
		"", ".", "..", "localhost", "localhost:8080", "127.0.0.1:8080", "[::1]:8080", "api-us.cometchat.io", "my-app-id.cometchat.io",
		"my-app-id.us.cometchat.io", "my-app-id.api-us", "my-app-id.api-us:80", ".api-us", "my-app-id.api-.cometchat.io",
		"my-app-id.api.cometchat.io", "x.my-app-id.api-us.cometchat.io", "my-app-id.api-mars.cometchat.io", "a.api-us-east.x", "a.api-eu:80",
		"diglot.api-prod.svc.cluster.local", "gw.api-gateway.example.com",
	} {
		_, _, ok := appOfHost(host)
		require.False(t, ok, host)
	}
}

func FuzzAppOfHost(f *testing.F) {
	f.Add("my-app-id.api-us.cometchat.io:443")
	f.Add("[::1]:8080")
	f.Add(".api-.")
	f.Fuzz(func(t *testing.T, host string) {
		id, region, ok := appOfHost(host)
		if !ok {
			return
		}
		require.True(t, core.ValidRegion(region), region)
		require.NotContains(t, id, ".")
		require.True(t, strings.HasPrefix(host, id+"."))
		again, sameRegion, ok := appOfHost(id + ".api-" + region + ".x")
		require.True(t, ok)
		require.Equal(t, id, again)
		require.Equal(t, region, sameRegion)
	})
}

func TestMaskShowsFiveCharactersAtEachEnd(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"":                      "",
		"x":                     "*",
		"1234567890":            "**********",
		"12345678901":           "12345*78901",
		strings.Repeat("1", 32): "11111" + strings.Repeat("*", 22) + "11111", // recorded: C14
		"9f2c4e6a8b0d1f3e5a7c9b1d3f5e7a9c0b2d4f68":      "9f2c4" + strings.Repeat("*", 30) + "d4f68",
		strings.Repeat("x", 5000):                       "xxxxx" + strings.Repeat("*", 30) + "xxxxx",
		"\x00\x01\x02\x03\x7f-----\xff\xff\xff\xff\xff": "***************",
		"éééaaaaaaaaééé":                                "***" + strings.Repeat("*", 10) + "***", // the letters are cut in two
	} {
		require.Equal(t, want, mask(key), "%q", key)
	}
}

func FuzzMask(f *testing.F) {
	f.Add("9f2c4e6a8b0d1f3e5a7c9b1d3f5e7a9c0b2d4f68")
	f.Add("short")
	f.Add("\xff\xfe éü\x00\"<")
	f.Fuzz(func(t *testing.T, key string) {
		m := mask(key)
		require.True(t, utf8.ValidString(m))
		require.LessOrEqual(t, len(m), 40)
		require.LessOrEqual(t, len(m), len(key))
		shown := 0
		for _, c := range m {
			require.True(t, c >= ' ' && c <= '~', "%q", m)
			if c != '*' {
				shown++
			}
		}
		require.LessOrEqual(t, shown, 10)
		if len(key) <= 10 {
			require.Zero(t, shown)
		}
	})
}

func TestKeysHaveTheVendorsShape(t *testing.T) {
	t.Parallel()
	shape := regexp.MustCompile(`^[0-9a-f]{40}$`)
	a, b := NewAPIKey(), NewAPIKey()
	require.Regexp(t, shape, a)
	require.Regexp(t, shape, b)
	require.NotEqual(t, a, b)
}

func TestProblemsTellTheirFieldsToTheLogAndNoValues(t *testing.T) {
	t.Parallel()
	var p problems
	require.NoError(t, p.err())
	p.add("name", "should not be empty")
	p.add("url", "must be a URL address")
	require.Equal(t, "invalid: name, url", p.err().Error())
	require.Equal(t, core.Invalid, core.KindOf(p.err()))
}

package dialects_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/dialects"
)

func proxies(t *testing.T, header string, networks ...string) dialects.Proxies {
	t.Helper()
	p := dialects.Proxies{Header: header}
	for _, text := range networks {
		network, err := dialects.ParseNetwork(text)
		require.NoError(t, err)
		p.Networks = append(p.Networks, network)
	}
	return p
}

func clientOf(p dialects.Proxies, peer string, header http.Header) string {
	return p.Client(&http.Request{RemoteAddr: peer, Header: header})
}

func TestForwardedHeadersAreNeverBelievedOfStrangers(t *testing.T) {
	t.Parallel()
	forged := http.Header{
		"X-Forwarded-For": {"203.0.113.9"}, "Forwarded": {"for=203.0.113.9"}, "X-Real-Ip": {"203.0.113.9"},
		"True-Client-Ip": {"203.0.113.9"}, "Cf-Connecting-Ip": {"203.0.113.9"},
	}
	for peer, want := range map[string]string{
		"198.51.100.7:1234": "198.51.100.7", "[2001:db8::7]:1234": "2001:db8::7", "[fe80::1%eth0]:1": "fe80::1%eth0", "@": "@", "": "",
	} {
		require.Equal(t, want, clientOf(dialects.Proxies{}, peer, forged))
		require.NotContains(t, clientOf(proxies(t, dialects.ForwardedFor, "10.0.0.0/8"), peer, forged), "203")
		require.NotContains(t, clientOf(proxies(t, dialects.Forwarded, "10.0.0.0/8", "::1"), peer, forged), "203")
	}
}

func TestTheClientIsTheLastAddressThatIsNoProxy(t *testing.T) {
	t.Parallel()
	const proxy = "10.0.0.1"
	long := strings.Repeat("203.0.113.9, ", 5000)
	for name, c := range map[string]struct {
		lines []string
		want  string
	}{
		"one":                      {[]string{"198.51.100.7"}, "198.51.100.7"},
		"a spoofed list before it": {[]string{"203.0.113.9, 10.0.0.9, 198.51.100.7"}, "198.51.100.7"},
		"proxies behind it":        {[]string{"203.0.113.9, 198.51.100.7, 10.0.0.2,10.0.0.3"}, "198.51.100.7"},
		"several lines":            {[]string{"203.0.113.9", "198.51.100.7", "10.0.0.2"}, "198.51.100.7"},
		"proxies alone":            {[]string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		"many hops":                {[]string{long + "198.51.100.7"}, "198.51.100.7"},
		"IPv6":                     {[]string{"2001:db8::7"}, "2001:db8::7"},
		"IPv6 in other words":      {[]string{"2001:0DB8:0:0::0007"}, "2001:db8::7"},
		"IPv6 with a port":         {[]string{"[2001:db8::7]:443"}, "2001:db8::7"},
		"IPv6 in brackets":         {[]string{"[2001:db8::7]"}, "2001:db8::7"},
		"IPv4 in IPv6":             {[]string{"198.51.100.7, ::ffff:10.0.0.2"}, "198.51.100.7"},
		"with a port":              {[]string{"198.51.100.7:5555"}, "198.51.100.7"},
		"a zone":                   {[]string{"fe80::1%\"}{\"level\":\"ERROR"}, "fe80::1"},
		"none":                     {nil, proxy},
		"empty":                    {[]string{""}, proxy},
		"blank":                    {[]string{" , ,"}, proxy},
		"garbage":                  {[]string{"198.51.100.7, unknown"}, proxy},
		"garbage behind a proxy":   {[]string{"198.51.100.7, <script>, 10.0.0.2"}, "10.0.0.2"},
		"a number":                 {[]string{"3325256711"}, proxy},
		"leading zeros":            {[]string{"010.0.0.1"}, proxy},
		"a host name":              {[]string{"localhost"}, proxy},
		"semicolons":               {[]string{"198.51.100.7; 10.0.0.2"}, proxy},
		"another line":             {[]string{"198.51.100.7\r\nX: y"}, proxy},
	} {
		header := http.Header{"X-Forwarded-For": c.lines, "Forwarded": {"for=203.0.113.1"}, "X-Real-Ip": {"203.0.113.2"}}
		require.Equal(t, c.want, clientOf(proxies(t, dialects.ForwardedFor, "10.0.0.0/8", "2001:db8:1::/48"), proxy+":80", header), name)
	}
	require.Equal(t, "2001:db8::7", clientOf(proxies(t, dialects.ForwardedFor, "2001:db8:1::/48"), "[2001:db8:1::2]:80",
		http.Header{"X-Forwarded-For": {"2001:db8::7, 2001:db8:1::3"}}))
	require.Equal(t, "198.51.100.7", clientOf(proxies(t, dialects.ForwardedFor, "10.0.0.0/8"), "[::ffff:10.0.0.1]:80",
		http.Header{"X-Forwarded-For": {"198.51.100.7"}}))
}

func TestForwardedIsReadWhereItIsTheProxies(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"for=198.51.100.7": "198.51.100.7",
		"For=203.0.113.9, for=198.51.100.7;proto=https;by=10.0.0.1": "198.51.100.7",
		`proto=http; FOR="[2001:db8::7]:4711"`:                      "2001:db8::7",
		`for="198.51.100.7:80", for=10.0.0.2`:                       "198.51.100.7",
		"for=_hidden":                                               "10.0.0.1",
		"for=198.51.100.7, for=unknown":                             "10.0.0.1",
		"proto=https":                                               "10.0.0.1",
		"for=198.51.100.7;for=203.0.113.9":                          "10.0.0.1",
		`for="`:                                                     "10.0.0.1",
		`for=""`:                                                    "10.0.0.1",
		`for="198.51.100.7`:                                         "10.0.0.1",
		`for=198.51.100.7;ext="a, for=203.0.113.9"`:                 "10.0.0.1",
		`for=198.51.100.7, for=10.0.0.2;ext="a, b;for=203.0.113.9\""`: "10.0.0.1",
		"": "10.0.0.1",
	} {
		header := http.Header{"Forwarded": {value}, "X-Forwarded-For": {"203.0.113.1"}}
		require.Equal(t, want, clientOf(proxies(t, dialects.Forwarded, "10.0.0.0/8"), "10.0.0.1:80", header), value)
	}
}

func TestNetworksThatMeanSomethingElseAreRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "no network", "10.0.0.0/33": "no network", "10.0.0": "no network", "localhost": "no network", "fe80::1%eth0": "no network",
		"::ffff:10.0.0.0/104": "no network", "0.0.0.0/0": "everybody", "::/0": "everybody", "10.0.0.1/8": "write 10.0.0.0/8",
	} {
		_, err := dialects.ParseNetwork(text)
		require.ErrorContains(t, err, want, text)
	}
	for text, want := range map[string]string{"10.0.0.1": "10.0.0.1/32", "::1": "::1/128", "::ffff:10.0.0.1": "10.0.0.1/32", "2001:db8::/32": "2001:db8::/32"} {
		network, err := dialects.ParseNetwork(text)
		require.NoError(t, err)
		require.Equal(t, netip.MustParsePrefix(want), network)
	}
}

// What a client writes comes into the log as an address or not at all.
func TestTheLogHasTheClientsAddress(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		trusted dialects.Proxies
		want    string
	}{
		{dialects.Proxies{}, `"client":"192.0.2.1"`}, // httptest's
		{proxies(t, dialects.ForwardedFor, "192.0.2.0/24"), `"client":"198.51.100.7"`},
		{proxies(t, dialects.Forwarded, "192.0.2.0/24"), `"client":"192.0.2.1"`},
	} {
		k := newToy(slog.LevelInfo, c.trusted)
		r := httptest.NewRequest(http.MethodGet, "/toys/one", http.NoBody)
		r.Header.Set("X-Forwarded-For", `","level":"ERROR, 198.51.100.7`)
		k.kit.ServeHTTP(httptest.NewRecorder(), r)
		require.Contains(t, k.log.String(), c.want)
		require.NotContains(t, k.log.String(), "ERROR")
	}
}

func FuzzClient(f *testing.F) {
	for _, seed := range []string{"198.51.100.7, 10.0.0.2", "[::1]:80", `for="[::1]";by=x`, ",,", "fe80::1%x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		for _, header := range []string{dialects.ForwardedFor, dialects.Forwarded} {
			p := dialects.Proxies{Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Header: header}
			for _, peer := range []string{"10.0.0.1:80", "192.0.2.1:80"} {
				client := clientOf(p, peer, http.Header{header: {value}})
				addr, err := netip.ParseAddr(client)
				require.NoError(t, err)
				require.Empty(t, addr.Zone())
				if peer != "10.0.0.1:80" {
					require.Equal(t, "192.0.2.1", client)
				}
			}
		}
	})
}

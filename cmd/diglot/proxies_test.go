package main

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// The log's client is the peer, unless that is a proxy that was named.
func TestForwardedHeadersAreTheNamedProxiesAlone(t *testing.T) {
	t.Parallel()
	const forged = "203.0.113.9, 198.51.100.7"
	for _, c := range []struct {
		flags        []string
		header, want string
	}{
		{nil, "X-Forwarded-For", "127.0.0.1"},
		{[]string{"--trusted-proxies", "10.0.0.0/8"}, "X-Forwarded-For", "127.0.0.1"},
		{[]string{"--trusted-proxies", "10.0.0.0/8, 127.0.0.1"}, "X-Forwarded-For", "198.51.100.7"},
		{[]string{"--trusted-proxies", "127.0.0.0/8", "--forwarded-header", "forwarded"}, "X-Forwarded-For", "127.0.0.1"},
	} {
		ops := freeAddress(t)
		g := startGateway(t, []string{envAdminToken + "=" + adminToken}, append(c.flags, "--memory", "--ops-addr", ops)...)
		send(t, http.MethodGet, g.url+"/v3/nothing", "", c.header, forged)
		send(t, http.MethodGet, g.url+"/api/v2/public/nothing", "", c.header, forged)
		send(t, http.MethodGet, "http://"+ops+"/admin/v1/tenants", "", c.header, forged)
		require.NoError(t, g.stop(t))
		log := g.logged()
		require.Regexp(t, `"dialect":"cometchat",.*"client":"`+c.want+`"`, log)
		require.Regexp(t, `"dialect":"refold",.*"client":"`+c.want+`"`, log)
		require.Regexp(t, `"msg":"admin request",.*"client":"`+c.want+`"`, log)
		require.NotContains(t, log, "203.0.113.9")
	}
	for flag, want := range map[string]string{"--trusted-proxies=0.0.0.0/0": "everybody", "--trusted-proxies=a": "no network", "--forwarded-header=X-Real-IP": "must be"} {
		_, stderr, err := diglot(t, nil, "serve", "--memory", flag)
		require.Error(t, err)
		require.Contains(t, stderr, want)
	}
}

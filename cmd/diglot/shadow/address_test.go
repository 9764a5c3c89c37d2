package shadow

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOnlyPublicAddressesAreSafe(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
		"100.64.0.1", "100.100.100.200", "192.0.0.192", "168.63.129.16", "198.18.0.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
		"192.0.2.1", "198.51.100.1", "203.0.113.1",
		"::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::",
		"2001::1", "2001:db8::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "100::1",
	} {
		require.ErrorIs(t, safe(netip.MustParseAddr(text), nil), errUnsafe, text)
	}
	for _, text := range []string{"1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "::ffff:8.8.8.8", "2606:4700::1111", "2a00:1450:4001::1"} {
		require.NoError(t, safe(netip.MustParseAddr(text), nil), text)
	}
	allowed := prefixes("10.0.0.0/8", "fd00::/8")
	for text, ok := range map[string]bool{"10.9.8.7": true, "::ffff:10.9.8.7": true, "fd00::1": true, "11.0.0.1": true, "127.0.0.1": false, "192.168.0.1": false} {
		require.Equal(t, ok, safe(netip.MustParseAddr(text), allowed) == nil, text)
	}
}

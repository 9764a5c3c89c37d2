package shadow

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"github.com/diglot/diglot/dialects/vendorhttp"
)

// The time-outs of a connection to a peer, within a request's.
const (
	dialTimeout      = 10 * time.Second
	handshakeTimeout = 10 * time.Second
	idleTimeout      = 60 * time.Second
)

// maxPeerHeaderBytes is how long the header of a peer's answer may be.
const maxPeerHeaderBytes = 64 << 10

// errUnsafe is an address that no peer has that is the vendor's.
var errUnsafe = errors.New("it is not a public address, and allow_networks doesn't name it")

// unsafe are the networks that are not the internet's: this machine, private ones,
// those of links, and all that stands for another address. The addresses at which
// clouds tell their machines secrets are in them but for the last one.
var unsafe = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
	"192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "fc00::/7", "fe80::/10", "fec0::/10",
	"ff00::/8", "168.63.129.16/32",
)

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}

// safe says why a peer must not be at an address.
func safe(addr netip.Addr, allowed []netip.Prefix) error {
	addr = addr.WithZone("").Unmap() // ::ffff:127.0.0.1 is 127.0.0.1
	for _, network := range allowed {
		if network.Contains(addr) {
			return nil
		}
	}
	for _, network := range unsafe {
		if network.Contains(addr) {
			return fmt.Errorf("%s: %w", addr, errUnsafe)
		}
	}
	return nil
}

// newTransport makes what a peer is asked by. An address is looked at when it is
// connected to, behind the look-up of its name: a name that means another address
// the second time is looked at the second time too. No proxy is used, which would
// connect in its place, and nothing is unpacked, so that a client gets what was
// sent. As many connections as idle wait for the next requests.
func newTransport(allowed []netip.Prefix, idle int) *http.Transport {
	d := &net.Dialer{Timeout: dialTimeout, ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("%s: %w", address, errUnsafe)
		}
		return safe(at.Addr(), allowed)
	}}
	return &http.Transport{
		DialContext: d.DialContext, TLSHandshakeTimeout: handshakeTimeout, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
		Protocols: vendorhttp.HTTP1(), IdleConnTimeout: idleTimeout, MaxIdleConnsPerHost: idle, DisableCompression: true,
		MaxResponseHeaderBytes: maxPeerHeaderBytes,
	}
}

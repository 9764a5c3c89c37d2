package dialects

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// Proxies are those that stand between clients and this process and say in a
// header whose request they pass on. The zero value is none: whoever is connected
// is the client, whatever headers say.
type Proxies struct {
	// Networks are the proxies' own addresses.
	Networks []netip.Prefix
	// Header is the one that they write: [ForwardedFor] or [Forwarded]. The other
	// one is the client's to forge, as proxies pass it on, and is never read.
	Header string
}

// The headers that proxies say a client's address in.
const (
	ForwardedFor = "X-Forwarded-For" // a list of addresses
	Forwarded    = "Forwarded"       // RFC 7239
)

// ParseNetwork reads a network as CIDR, or one address.
func ParseNetwork(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	network, err := netip.ParsePrefix(text)
	switch {
	case err != nil || network.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf("%q is no network such as 10.0.0.0/8 or 2001:db8::/32, and no address", text)
	case network.Bits() == 0:
		return netip.Prefix{}, errors.New(text + " is everybody: name the proxies' own networks")
	case network != network.Masked():
		return netip.Prefix{}, fmt.Errorf("%s has bits behind its length: write %s", text, network.Masked())
	}
	return network, nil
}

// Client gives the address that a request comes from: of whoever is connected, and
// where that is a proxy, the last address in its header that is none. What can't be
// read as an address ends the search at the proxy that sent it, as nobody can tell
// what stands before it; so whatever a client writes there, it is not believed.
func (p Proxies) Client(r *http.Request) string {
	if len(p.Networks) == 0 {
		return hostOf(r.RemoteAddr)
	}
	at, ok := hop(r.RemoteAddr)
	if !ok {
		return hostOf(r.RemoteAddr)
	}
	hops := r.Header[p.Header]
	for i := len(hops) - 1; i >= 0 && p.has(at); i-- {
		rest, more := hops[i], true
		for more && p.has(at) {
			var element string
			if rest, element, more = lastElement(rest); p.Header == Forwarded {
				element = forParameter(element)
			}
			before, ok := hop(element)
			if !ok {
				return at.String()
			}
			at = before
		}
	}
	return at.String()
}

func (p Proxies) has(addr netip.Addr) bool {
	for _, network := range p.Networks {
		if network.Contains(addr) {
			return true
		}
	}
	return false
}

// hostOf is an address without its port.
func hostOf(address string) string {
	if i := strings.LastIndexByte(address, ':'); i >= 0 {
		address = address[:i]
	}
	return strings.Trim(address, "[]")
}

// lastElement cuts the last element off a list. A comma in a quoted string cuts
// that in two, neither of which is an address then.
func lastElement(list string) (rest, element string, more bool) {
	if i := strings.LastIndexByte(list, ','); i >= 0 {
		return list[:i], strings.Trim(list[i+1:], " \t"), true
	}
	return "", strings.Trim(list, " \t"), false
}

// forParameter gives who an element of Forwarded is for, empty where that is not
// said once.
func forParameter(element string) string {
	found := ""
	for pair := range strings.SplitSeq(element, ";") {
		name, value, _ := strings.Cut(strings.Trim(pair, " \t"), "=")
		if !strings.EqualFold(name, "for") {
			continue
		}
		if n := len(value); n > 1 && value[0] == '"' && value[n-1] == '"' {
			value = value[1 : n-1]
		}
		if found != "" || value == "" {
			return ""
		}
		found = value
	}
	return found
}

// hop reads an address, with a port or without.
func hop(text string) (netip.Addr, bool) {
	addr, err := netip.ParseAddr(text)
	if err != nil {
		var with netip.AddrPort
		if with, err = netip.ParseAddrPort(text); err == nil {
			addr = with.Addr()
		} else if n := len(text); n > 1 && text[0] == '[' && text[n-1] == ']' {
			addr, err = netip.ParseAddr(text[1 : n-1])
		}
	}
	// A zone means something to its own host alone, and may be any text.
	return addr.WithZone("").Unmap(), err == nil
}

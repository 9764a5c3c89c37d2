package main

import (
	"errors"
	"net/http"
	"net/netip"
	"strings"

	"github.com/diglot/diglot/dialects"
)

// networks is a flag's value: networks with commas between.
type networks struct{ to *[]netip.Prefix }

// String implements [pflag.Value].
func (n networks) String() string {
	if n.to == nil {
		return ""
	}
	texts := make([]string, len(*n.to))
	for i, network := range *n.to {
		texts[i] = network.String()
	}
	return strings.Join(texts, ",")
}

// Type implements [pflag.Value].
func (n networks) Type() string { return "networks" }

// Set implements [pflag.Value].
func (n networks) Set(s string) error {
	var list []netip.Prefix
	for text := range strings.SplitSeq(s, ",") {
		network, err := dialects.ParseNetwork(strings.TrimSpace(text))
		if err != nil {
			return err
		}
		list = append(list, network)
	}
	*n.to = list
	return nil
}

// forwardedHeader is a flag's value: one of the headers that proxies write.
type forwardedHeader struct{ to *string }

// String implements [pflag.Value].
func (h forwardedHeader) String() string {
	if h.to == nil {
		return ""
	}
	return *h.to
}

// Type implements [pflag.Value].
func (h forwardedHeader) Type() string { return "header" }

// Set implements [pflag.Value].
func (h forwardedHeader) Set(s string) error {
	name := http.CanonicalHeaderKey(s)
	if name != dialects.ForwardedFor && name != dialects.Forwarded {
		return errors.New("it must be " + dialects.ForwardedFor + " or " + dialects.Forwarded)
	}
	*h.to = name
	return nil
}

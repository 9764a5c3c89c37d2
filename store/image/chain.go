package image

import (
	"bytes"
	"fmt"

	"github.com/diglot/diglot/core"
)

// Chains are kept as one JSON array, [{"id":"<24 hex>","chain":{…}},…],
// written and read here and nowhere else. encoding/json would give the chains
// back as they came too, but not those nested as deeply as PostgreSQL and a
// dialect's decoder let through.
const (
	chainOpen  = `{"id":"`
	chainField = `","chain":`
	chainClose = `}`

	chainPrefixBytes = len(chainOpen) + 2*len(core.ObjectID{}) + len(chainField)
)

// Chains gives a server's chains as they are stored and in images: nil for nil,
// so that "none were ever sent" stays apart from an empty list.
func Chains(chains []core.Chain) []byte {
	if chains == nil {
		return nil
	}
	b := []byte{'['}
	for i, c := range chains {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, chainOpen+c.ID.String()+chainField...)
		b = append(b, c.Fields...)
		b = append(b, chainClose...)
	}
	return append(b, ']')
}

// ParseChains reads what [Chains] gives.
func ParseChains(stored []byte) ([]core.Chain, error) {
	if stored == nil {
		return nil, nil
	}
	chains := []core.Chain{}
	rest, ok := bytes.CutPrefix(stored, []byte{'['})
	for ok && len(rest) > 1 {
		if len(rest) < chainPrefixBytes {
			return nil, malformedChains(stored)
		}
		var c core.Chain
		if c.ID, ok = core.ParseObjectID(string(rest[len(chainOpen) : chainPrefixBytes-len(chainField)])); !ok {
			return nil, malformedChains(stored)
		}
		n := valueLen(rest[chainPrefixBytes:])
		c.Fields = append(core.JSON{}, rest[chainPrefixBytes:chainPrefixBytes+n]...)
		chains = append(chains, c)
		if rest, ok = bytes.CutPrefix(rest[chainPrefixBytes+n:], []byte(chainClose)); ok {
			rest = bytes.TrimPrefix(rest, []byte{','})
		}
	}
	if !ok || string(rest) != "]" {
		return nil, malformedChains(stored)
	}
	return chains, nil
}

func malformedChains(stored []byte) error {
	return fmt.Errorf("stored chains are malformed: %.60q", stored)
}

package shadow

import (
	"crypto/sha256"
	"sync"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

// maxKnown is how many credentials are remembered.
const maxKnown = 10_000

// known has, by the digest of a credential, whose it was found to be where the peer
// answers. It is asked where the database can't be: then the peer goes on answering
// whom it answered before. It lets nobody in: the peer gets the credential and
// judges it.
type known struct {
	mu    sync.Mutex
	lanes map[[sha256.Size]byte]laneKey
}

func (k *known) note(c *dialects.Call, key laneKey) {
	digest := digestOf(c)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.lanes == nil || len(k.lanes) >= maxKnown && k.lanes[digest] == (laneKey{}) {
		k.lanes = map[[sha256.Size]byte]laneKey{} // they are learnt anew with their next requests
	}
	k.lanes[digest] = key
}

// of gives whose a request was found to be, the zero value where it is not known.
func (k *known) of(c *dialects.Call) laneKey {
	digest := digestOf(c)
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.lanes[digest]
}

func digestOf(c *dialects.Call) (digest [sha256.Size]byte) {
	h := sha256.New()
	for _, name := range []string{"X-Api-Key", "Authorization", "Apikey"} {
		for _, value := range c.Request.Header[name] {
			h.Write([]byte(name + "\x00" + value + "\x00"))
		}
	}
	h.Write([]byte(c.Dialect))
	h.Sum(digest[:0])
	return digest
}

// errNobodyKnown is for who may be a tenant's whom Diglot answers, or a stranger, or
// nobody.
var errNobodyKnown = &core.Error{Kind: core.Unavailable, Noun: "service", Message: "whose credential it is can't be found out now"}

// isAway reports whether it could not be found out whose a credential is.
func isAway(refused error) bool {
	if refused == nil {
		return false
	}
	kind := core.KindOf(refused)
	return kind == core.Unavailable || kind == core.Internal
}

package dialects

import "net/http"

// Relay may have somebody else answer a request than the dialect.
type Relay interface {
	// Relay is told of each request as soon as it is known who sends it, before it
	// counts for the sender's limits and its body is read; refused is why its
	// credential does not let it in. Relay reports whether it has answered. What it
	// failed for is worded by the dialect.
	Relay(w http.ResponseWriter, c *Call, refused error) (answered bool, failed error)
	// Unrouted reports whether Relay is to be told of a request that no route takes,
	// which nobody else asks the sender of.
	Unrouted(r *http.Request) bool
}

// relayUnrouted is for requests that no route takes.
func (k *Kit) relayUnrouted(w http.ResponseWriter, r *http.Request) (answered bool, failed error) {
	if k.options.Relay == nil || !k.options.Relay.Unrouted(r) {
		return false, nil
	}
	ctx, cancel := k.within()
	defer cancel()
	who, refused := k.Authenticate(ctx, r)
	c := k.call(r, callOf(r), noParam)
	c.Who = who
	if answered, failed = k.options.Relay.Relay(w, c, refused); answered || failed != nil {
		callOf(r).who = who
	}
	return answered, failed
}

func noParam(string) string { return "" }

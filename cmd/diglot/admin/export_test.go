package admin

import "time"

// Routes gives "METHOD path" of each operation by its name.
func Routes() map[string]string {
	out := map[string]string{}
	for _, r := range (&Handler{}).routes() {
		out[r.operation] = r.method + " " + Prefix + r.path
	}
	return out
}

// RefusedAtOnce is how many requests without a good token are answered 401.
const RefusedAtOnce = refusedAtOnce

// RefillRefused has the handler answer as if nobody had been refused.
func (h *Handler) RefillRefused() {
	h.refused.mu.Lock()
	defer h.refused.mu.Unlock()
	h.refused.left, h.refused.taken = refusedAtOnce, time.Time{}
}

// EmptyRefused has the handler answer as if many had been refused just now, and
// forever.
func (h *Handler) EmptyRefused() {
	h.refused.mu.Lock()
	defer h.refused.mu.Unlock()
	h.refused.left, h.refused.taken = 0, time.Now().Add(time.Hour)
}

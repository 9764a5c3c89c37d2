package refold

import (
	"net/http"
	"strconv"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

// rateLimit refuses an environment's requests beyond what it may send. The
// vendor's newer pages document the status for all of the API, the older ones 20
// events in a second; neither prints a body or a header. Documented: contract
// 2.5 and 2.10; that there is Retry-After, as its library sends, is inferred.
type rateLimit struct {
	limiter *dialects.Limiter
	now     core.Clock
}

// admit implements [dialects.Adapter]'s Admit.
func (l *rateLimit) admit(h http.Header, who *core.Principal) error {
	now := l.now()
	q, ok := l.limiter.Take(who.Tenant.ID, now)
	if ok {
		return nil
	}
	h["Retry-After"] = []string{strconv.FormatInt(q.Reset-now.Unix(), 10)} // seconds, 1 to 60
	return errTooMany
}

var errTooMany = &core.Error{Kind: core.TooMany, Noun: "tenant", Message: "the environment's requests of this minute are used up"}

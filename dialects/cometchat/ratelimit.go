package cometchat

import (
	"net/http"
	"strconv"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

// DefaultRateLimit is how many requests an app may send in a minute: the figure
// for standard operations. Documented: contract 1.6; that these operations are
// standard ones is inferred.
const DefaultRateLimit = 20_000

// rateLimit counts an app's requests and says in each answer what is left. Two
// generations of pages spell the headers otherwise. The older ones send two
// with every answer and two more with a refusal; the newer one shows its three
// with a refusal. Every answer has the headers of both, so that a client of
// either finds them wherever it looks (inferred); only X-Rate-Limit-Reset and
// Retry-After are for a refusal alone. Documented: contract 1.6, C11, C11b.
type rateLimit struct {
	limiter *dialects.Limiter
	limit   []string // the header's values: they are shared between answers
	now     core.Clock
}

// newRateLimit gives nil for no limit.
func newRateLimit(perMinute int, now core.Clock) *rateLimit {
	limiter := dialects.NewLimiter(perMinute)
	if limiter == nil {
		return nil
	}
	return &rateLimit{limiter, []string{strconv.Itoa(perMinute)}, now}
}

// admit implements [dialects.Adapter]'s Admit. The names are not in the form
// that Set would make of them: they go out as they are documented.
func (l *rateLimit) admit(h http.Header, who *core.Principal) error {
	now := l.now()
	var q dialects.Quota
	ok := who.Scope != core.FullAccess
	if ok { // it may do nothing, and so is not let use up what the app's other keys need
		q = l.limiter.Peek(who.Tenant.ID, now)
	} else {
		q, ok = l.limiter.Take(who.Tenant.ID, now)
	}
	remaining := []string{strconv.Itoa(q.Remaining)}
	reset := []string{strconv.FormatInt(q.Reset, 10)} // seconds since the epoch
	h["X-Rate-Limit"], h["X-Rate-Limit-Remaining"] = l.limit, remaining
	h["X-RateLimit-Limit"], h["X-RateLimit-Remaining"], h["X-RateLimit-Reset"] = l.limit, remaining, reset
	if ok {
		return nil
	}
	h["X-Rate-Limit-Reset"] = reset
	h["Retry-After"] = []string{strconv.FormatInt(q.Reset-now.Unix(), 10)} // seconds, 1 to 60
	return errTooMany
}

var errTooMany = &core.Error{Kind: core.TooMany, Noun: "tenant", Message: "the app's requests of this minute are used up"}

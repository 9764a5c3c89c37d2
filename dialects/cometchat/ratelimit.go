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

// VendorLimits are the documented figures: contract 1.6. All of a minute's
// requests may come at once.
var VendorLimits = core.Limits{Rate: new(DefaultRateLimit), Burst: new(0)}

// tellQuota says in each answer what is left of an app's minute. Two generations
// of pages spell the headers otherwise. The older ones send two with every
// answer and two more with a refusal; the newer one shows its three with a
// refusal. Every answer has the headers of both, so that a client of either
// finds them wherever it looks (inferred); only X-Rate-Limit-Reset and
// Retry-After are for a refusal alone. Documented: contract 1.6, C11, C11b.
//
// The names are not in the form that Set would make of them: they go out as
// they are documented.
func tellQuota(h http.Header, q dialects.Quota, refused bool) {
	limit := usualLimit // shared between answers
	if q.Limit != DefaultRateLimit {
		limit = []string{strconv.Itoa(q.Limit)}
	}
	remaining := []string{strconv.Itoa(q.Remaining)}
	reset := []string{strconv.FormatInt(q.Reset, 10)} // seconds since the epoch
	h["X-Rate-Limit"], h["X-Rate-Limit-Remaining"] = limit, remaining
	h["X-RateLimit-Limit"], h["X-RateLimit-Remaining"], h["X-RateLimit-Reset"] = limit, remaining, reset
	if refused {
		h["X-Rate-Limit-Reset"] = reset
	}
}

var usualLimit = []string{strconv.Itoa(DefaultRateLimit)}

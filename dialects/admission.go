package dialects

import (
	"errors"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/diglot/diglot/core"
)

// A request of a client that is known is let in or refused before its body is
// read and before the store is asked for anything that it is about. So what is
// refused costs next to nothing, however much of it comes.

// allowance is what a tenant may ask, of all that says so; 0: any number.
type allowance struct{ rate, burst, concurrency, bodyBytes int }

func allow(l core.Limits) allowance {
	a := allowance{bodyBytes: core.DefaultMaxBytes}
	return a.but(&l)
}

// but gives the allowance with the limits that there are in place of its own.
func (a allowance) but(l *core.Limits) allowance {
	if l.Rate != nil {
		a.rate = *l.Rate
	}
	if l.Burst != nil {
		a.burst = *l.Burst
	}
	if l.Concurrency != nil {
		a.concurrency = *l.Concurrency
	}
	if l.BodyBytes != nil {
		a.bodyBytes = *l.BodyBytes
	}
	return a
}

// admission lets requests in.
type admission struct {
	usual  allowance // of tenants that have no limits of their own
	vendor allowance // of those that have the vendor's
	pace   *Limiter
	slots  *Slots
}

func newAdmission(o Options, vendor core.Limits) *admission {
	a := &admission{usual: allow(o.Limits), vendor: allow(vendor.Or(o.Limits)), pace: NewLimiter(), slots: o.Slots}
	if a.slots == nil {
		a.slots = NewSlots()
	}
	return a
}

func (a *admission) of(t *core.Tenant) allowance {
	if t.Limits.Vendor {
		return a.vendor.but(&t.Limits)
	}
	return a.usual.but(&t.Limits)
}

// Why a request of a known client is not let in.
var (
	errRate        = &core.Error{Kind: core.TooMany, Noun: "tenant", Message: "the tenant's requests of this minute are used up"}
	errBurst       = &core.Error{Kind: core.TooMany, Noun: "tenant", Message: "the tenant's requests come faster than they may"}
	errConcurrency = &core.Error{Kind: core.TooMany, Noun: "tenant", Message: "as many of the tenant's requests are under way as may be"}
)

// admit lets a request in, or says why not and in the answer's header when to
// come again. [leave] ends what it gives.
func (k *Kit) admit(h http.Header, who *core.Principal, a allowance) (slot *atomic.Int64, err error) {
	idle := who.Scope == core.AuthOnly // it may do nothing, and so is not let use up what the tenant's other keys need
	var retry time.Duration
	if a.concurrency > 0 && !idle {
		var ok bool
		if slot, ok = k.admission.slots.Take(who.Tenant.ID, a.concurrency); !ok {
			retry, err = time.Second, errConcurrency
		}
	}
	if a.rate > 0 {
		retry, err = k.count(h, who.Tenant.ID, a, idle, retry, err)
	}
	if err != nil {
		leave(slot)
		h["Retry-After"] = []string{strconv.FormatInt(int64((retry+time.Second-1)/time.Second), 10)}
		return nil, err
	}
	return slot, nil
}

// count counts a request against a tenant's rate, unless it is idle or was
// refused, and tells what is left. It gives why and for how long the request is
// refused.
func (k *Kit) count(
	h http.Header, tenant core.TenantID, a allowance, idle bool, retry time.Duration, refused error,
) (time.Duration, error) {
	now := k.Now()
	if a.burst > 0 && !idle && refused == nil {
		if wait, ok := k.admission.pace.Pace(tenant, a.rate, a.burst, now); !ok {
			retry, refused = wait, errBurst
		}
	}
	if a.burst > 0 && k.Tell == nil { // the pace is stricter than the minute, which nobody is told of
		return retry, refused
	}
	var q Quota
	if idle || refused != nil {
		q = k.admission.pace.Peek(tenant, a.rate, now)
	} else {
		var ok bool
		if q, ok = k.admission.pace.Take(tenant, a.rate, now); !ok {
			retry, refused = q.wait(now), errRate // 1 to 60 seconds
		}
	}
	if k.Tell != nil {
		k.Tell(h, q, refused != nil)
	}
	return retry, refused
}

// refusalOf names the limit that a request was refused for, "" for none: for
// metrics, which have no tenant in them.
func refusalOf(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, errRate):
		return "rate"
	case errors.Is(err, errBurst):
		return "burst"
	case errors.Is(err, errConcurrency):
		return "concurrency"
	case errors.Is(err, errBodyShare), errors.Is(err, errBodyMemory):
		return "body_memory"
	case errors.Is(err, errAnswerShare), errors.Is(err, errAnswerMemory):
		return "answer_memory"
	case core.KindOf(err) == core.TooLarge:
		return "body"
	case core.KindOf(err) == core.OverQuota:
		return "servers"
	}
	return ""
}

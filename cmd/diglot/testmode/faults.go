package testmode

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/diglot/diglot/dialects"
)

// Rule is a fault and the requests that meet it. Members that are left out match
// any request, and do nothing to it.
type Rule struct {
	// Dialect is refold or cometchat.
	Dialect string `json:"dialect,omitempty"`
	Method  string `json:"method,omitempty"`
	// Route is a path, a parameter in braces for any segment: /api/v2/public/mcp-servers/{id}.
	Route string `json:"route,omitempty"`
	// Operation is as the log and the OpenAPI documents name it: create_mcp_server.
	Operation string `json:"operation,omitempty"`
	Tenant    string `json:"tenant,omitempty"` // its name
	// Probability is of the fault, 0 to 1; nil: 1. What it passes over, later rules
	// may match.
	Probability *float64 `json:"probability,omitempty"`
	// Count is how many requests meet the fault, then it is over; nil: any number.
	Count *int `json:"count,omitempty"`

	// Latency is waited before anything else.
	Latency *Latency `json:"latency,omitempty"`
	// Reset ends the connection with a TCP reset, unanswered.
	Reset bool `json:"reset,omitzero"`
	// Status is answered as the dialect itself answers the operation with it.
	// Without a body it is for the operations that have it in their document.
	Status int `json:"status,omitzero"`
	// Body is answered with the status, any status, in place of the dialect's.
	Body    *string           `json:"body,omitempty"`
	Headers map[string]string `json:"headers,omitempty"` // with Body
	// Truncate is how many bytes of the answer's body are sent, though its headers
	// promise all of them, before the connection is closed.
	Truncate *int `json:"truncate,omitempty"`
}

// FiredRule is a rule and how often it was met.
type FiredRule struct {
	Rule

	Fired int `json:"fired"`
}

// FaultSet is all rules in order: the first that matches a request is the one
// that it meets. The same seed and requests meet the same faults.
type FaultSet struct {
	Seed  uint64      `json:"seed"`
	Rules []FiredRule `json:"rules"`
}

// defaultFaultSeed is where chances come from unless a seed is given.
const defaultFaultSeed = 1

// faults are the rules that hold.
type faults struct {
	mu    sync.Mutex
	seed  uint64
	rules []*armed
}

// armed is a rule with its own row of chances, so that one more rule does not
// change what becomes of the others.
type armed struct {
	FiredRule

	chance *rand.Rand
}

func (f *faults) set(seed uint64, rules []Rule) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seed, f.rules = seed, nil
	f.arm(rules)
}

func (f *faults) reset() { f.set(defaultFaultSeed, nil) }

func (f *faults) add(rules ...Rule) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.arm(rules)
}

func (f *faults) arm(rules []Rule) {
	for _, r := range rules {
		source := rand.NewPCG(f.seed, uint64(len(f.rules)))
		f.rules = append(f.rules, &armed{FiredRule{Rule: r}, rand.New(source)}) //nolint:gosec // chances that have to repeat, no secrets
	}
}

// dropTenant removes the rules of one tenant alone.
func (f *faults) dropTenant(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = slices.DeleteFunc(f.rules, func(r *armed) bool { return r.Tenant == name })
}

func (f *faults) list() FaultSet {
	f.mu.Lock()
	defer f.mu.Unlock()
	set := FaultSet{Seed: f.seed, Rules: make([]FiredRule, len(f.rules))}
	for i, r := range f.rules {
		set.Rules[i] = r.FiredRule
	}
	return set
}

// meet gives the rule that a request meets, its index and how long its latency
// is; nil: none.
func (f *faults) meet(c *dialects.Call) (rule *Rule, index int, latency time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, r := range f.rules {
		if r.Count != nil && r.Fired >= *r.Count || !r.matches(c) {
			continue
		}
		if r.Probability != nil && r.chance.Float64() >= *r.Probability {
			continue
		}
		r.Fired++
		if r.Latency != nil {
			latency = r.Latency.draw(r.chance)
		}
		found := r.Rule
		return &found, i, latency
	}
	return nil, 0, 0
}

func (r *Rule) matches(c *dialects.Call) bool {
	return (r.Dialect == "" || r.Dialect == c.Dialect) &&
		(r.Method == "" || strings.EqualFold(r.Method, c.Request.Method)) &&
		(r.Route == "" || fits(r.Route, c.Request.URL.Path)) &&
		(r.Operation == "" || r.Operation == c.Operation) &&
		(r.Tenant == "" || c.Who != nil && c.Who.Tenant.Name == r.Tenant) &&
		(!r.isDialects() || documentOf(c).has(c.Operation, r.Status))
}

// isDialects reports whether the dialect words what is answered.
func (r *Rule) isDialects() bool { return r.Status != 0 && r.Body == nil }

// fits reports whether a path is that of a route.
func fits(route, path string) bool {
	want, got := segments(route), segments(path)
	return slices.EqualFunc(want, got, func(w, g string) bool { return w == g || strings.HasPrefix(w, "{") && g != "" })
}

func segments(path string) []string { return strings.Split(strings.Trim(path, "/"), "/") }

// check gives what is wrong with a rule, by member.
func (r *Rule) check() (wrong map[string]string) {
	wrong = map[string]string{}
	r.checkNames(wrong)
	if p := r.Probability; p != nil && (*p < 0 || *p > 1) {
		wrong["probability"] = "must be 0 to 1"
	}
	if r.Count != nil && *r.Count < 1 {
		wrong["count"] = "must be at least 1"
	}
	if r.Truncate != nil && *r.Truncate < 0 {
		wrong["truncate"] = "must not be negative"
	}
	if r.Latency != nil {
		if text := r.Latency.check(); text != "" {
			wrong["latency"] = text
		}
	}
	r.checkAnswer(wrong)
	return wrong
}

func (r *Rule) checkAnswer(wrong map[string]string) {
	switch {
	case r.Status != 0 && (r.Status < http.StatusOK || r.Status > 599):
		wrong["status"] = "must be 200 to 599"
	case r.Body != nil && r.Status == 0:
		wrong["status"] = "is required with body"
	case r.Body == nil && r.Headers != nil:
		wrong["headers"] = "are for an answer with body"
	case r.Reset && (r.Status != 0 || r.Truncate != nil):
		wrong["reset"] = "leaves nothing to answer"
	case r.Status == 0 && !r.Reset && r.Latency == nil && r.Truncate == nil:
		wrong[""] = "must have a latency, reset, status or truncate"
	case r.isDialects():
		if len(wrong) == 0 && !answers(r) {
			wrong["status"] = "is none that an operation of this rule answers a failure with; give a body to answer it all the same"
		}
	}
}

// answers reports whether an operation that a rule may be about has its status,
// a failure's.
func answers(r *Rule) bool {
	if r.Status < http.StatusBadRequest {
		return false
	}
	return slices.ContainsFunc(operationsLike(r), func(o *operation) bool { return slices.Contains(o.statuses, r.Status) })
}

// alike reports whether two routes may be about one path.
func alike(a, b string) bool {
	return slices.EqualFunc(segments(a), segments(b), func(a, b string) bool {
		return a == b || strings.HasPrefix(a, "{") || strings.HasPrefix(b, "{")
	})
}

// contentType is the answer's unless a rule's headers say another.
func contentType(body string) string {
	if jsontext.Value(body).IsValid() {
		return "application/json; charset=utf-8"
	}
	return "text/plain; charset=utf-8"
}

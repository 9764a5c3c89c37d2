package diglottest

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/diglot/diglot/cmd/diglot/testmode"
)

// Fault is a rule: which requests meet what. Members that are left out match any
// request, and do nothing to it.
type Fault struct {
	// Dialect is refold or cometchat.
	Dialect string
	Method  string
	// Route is a path, a parameter in braces for any segment:
	// /api/v2/public/mcp-servers/{id}.
	Route string
	// Operation is as the log and the OpenAPI documents name it: create_mcp_server.
	Operation string
	Tenant    string // its name
	// Probability is of the fault, 0 to 1; nil: 1. What it passes over, later faults
	// may match.
	Probability *float64
	// Count is how many requests meet the fault, then it is over: new(2). nil: any
	// number.
	Count *int

	// Latency is waited before anything else.
	Latency *Latency
	// Reset ends the connection with a TCP reset, unanswered.
	Reset bool
	// Status is answered as the dialect itself answers the operation with it. Without
	// a body it is for the operations that have it in their document.
	Status int
	// Body is answered with the status, any status, in place of the dialect's.
	Body    *string
	Headers map[string]string // with Body
	// Truncate is how many bytes of the answer's body are sent, though its headers
	// promise all of them, before the connection is closed.
	Truncate *int
}

// Filter is what requests are picked by; members that are left out match any.
type Filter struct {
	Tenant  string // its name
	Dialect string // refold or cometchat
	Method  string
	// Path may have parameters in braces, for any segment.
	Path string
	// Operation is as the OpenAPI documents name it; none: no route takes the request;
	// unserved: the vendor has it.
	Operation string
	Status    *int // new(404)
	// Headers have to be there with these values; credentials are not kept.
	Headers map[string]string
	// Body is JSON that has to be in the request's: an object's members have to be
	// among its own, all else equal. []byte(`{"name":"Maps"}`) will do.
	Body jsontext.Value
}

// Verification asks whether requests came, and how often. Without a number: once or
// more.
type Verification struct {
	Filter

	Times   *int // exactly; new(0): never
	AtLeast *int
	AtMost  *int
}

// What the controls work with, and answer. `go doc` shows their fields where they
// are made: github.com/diglot/diglot/cmd/diglot/testmode.
type (
	// Clock is a server's clock: testmode.Clock has Now, Set, Advance, Freeze, Run. It
	// goes from 1970 to 2106; set beyond that, it panics.
	Clock = testmode.Clock
	// Latency is how long a request that meets a fault waits, one of three: Fixed and
	// Uniform, two Durations, or Lognormal. It is at most 50 seconds.
	Latency = testmode.Latency
	// Lognormal is a distribution of latencies: Median, a Duration, and Sigma.
	Lognormal = testmode.Lognormal
	// Duration is a time.Duration that is written as text.
	Duration = testmode.Duration
	// Request is a request that came: ID, At, Tenant, Dialect, Operation, Method, Path,
	// Query, Headers, Body, Status, Fault and, of one that failed, Nearest.
	Request = testmode.Request
	// Verified is the answer to a Verification: Verified, Wanted and Count, and where it
	// failed Near, what came instead, and Operation, the nearest documented one.
	Verified = testmode.Verified
)

func rules(faults []Fault) []testmode.Rule {
	all := make([]testmode.Rule, len(faults))
	for i, f := range faults {
		all[i] = testmode.Rule(f)
	}
	return all
}

func (v Verification) asked() testmode.Verification {
	return testmode.Verification{Filter: testmode.Filter(v.Filter), Times: v.Times, AtLeast: v.AtLeast, AtMost: v.AtMost}
}

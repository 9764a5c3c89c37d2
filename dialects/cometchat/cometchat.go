// Package cometchat speaks CometChat's AI Agents REST API: README.md in this
// folder says what is covered, what is known of it and what is inferred.
package cometchat

import (
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

// Prefix is the path that every operation is under.
const Prefix = "/v3/ai-agents/agent-builder"

type dialect struct {
	core *core.Service
}

// New serves the dialect from a service.
func New(svc *core.Service, o dialects.Options) *dialects.Kit {
	d := &dialect{core: svc}
	k := dialects.New(dialects.Adapter{
		Name: string(core.CometChat), Authenticate: d.authenticate, Kept: svc.KeptAnswer, Now: svc.Now,
		Vendor: VendorLimits, Tell: tellQuota, Word: word, Failure: failureFor,
	}, o)
	d.routes(k)
	return k
}

// Package refold speaks the public REST API of Refold (formerly Cobalt) in the
// two revisions that its documentation prints: README.md in this folder says
// what is covered, what is known of it and what is inferred.
package refold

import (
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

// Prefix is the path that every public operation is under.
const Prefix = "/api/v2/public"

type dialect struct {
	core    *core.Service
	tokens  *Tokens
	unknown core.RefoldRevision // what who isn't known is answered in
}

// Option changes how the dialect is served.
type Option func(*dialect)

// WithUnknownIn has clients whose tenant isn't known be answered in a revision;
// without it, in legacy.
func WithUnknownIn(revision core.RefoldRevision) Option {
	return func(d *dialect) { d.unknown = revision }
}

// VendorLimits are the older pages' figures, 20 events in a second with 5 in an
// instant; the newer ones print none. Documented: contract 2.10.
var VendorLimits = core.Limits{Rate: new(20 * 60), Burst: new(5)}

// New serves the dialect from a service.
func New(svc *core.Service, tokens *Tokens, o dialects.Options, options ...Option) *dialects.Kit {
	d := &dialect{core: svc, tokens: tokens, unknown: core.RefoldLegacy}
	for _, option := range options {
		option(d)
	}
	k := dialects.New(dialects.Adapter{
		Name: string(core.Refold), Authenticate: d.authenticate, Check: d.checkAccount, Confirm: svc.ConfirmSession,
		Kept: svc.KeptAnswer, Now: svc.Now, Vendor: VendorLimits, Word: d.word, Failure: failure,
	}, o)
	d.routes(k)
	k.Refuse(operations())
	return k
}

// Package refold speaks the public REST API of Refold (formerly Cobalt) in the
// two revisions that its documentation prints: README.md in this folder says
// what is covered, what is known of it and what is inferred.
package refold

import (
	"net/http"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

// Prefix is the path that every public operation is under.
const Prefix = "/api/v2/public"

type dialect struct {
	core   *core.Service
	tokens *Tokens
}

// New serves the dialect from a service.
func New(svc *core.Service, tokens *Tokens, o dialects.Options) http.Handler {
	d := &dialect{core: svc, tokens: tokens}
	a := dialects.Adapter{Name: string(core.Refold), Authenticate: d.authenticate, Confirm: svc.ConfirmSession, Kept: svc.KeptAnswer, Now: svc.Now, Word: word}
	if l := dialects.NewLimiter(o.RateLimit); l != nil {
		a.Admit = (&rateLimit{l, svc.Now}).admit
	}
	k := dialects.New(a, o)
	d.routes(k)
	k.Refuse(operations())
	return k
}

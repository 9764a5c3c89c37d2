package dialects

import "github.com/diglot/diglot/core"

// useOf gives a request's use of the session that its sender acts by, if any.
func useOf(who *core.Principal) *core.SessionUse {
	if who == nil || who.Session == nil {
		return nil
	}
	return &core.SessionUse{ID: *who.Session}
}

// confirmed gives what came of a request, or that its sender's session has
// ended. A request that was served has asked the store for something, and with
// it whether the session lives; this asks for those that were refused before.
func (k *Kit) confirmed(who *core.Principal, use *core.SessionUse, err error) error {
	if use == nil || use.Confirmed() {
		return err
	}
	if kind := core.KindOf(err); err != nil && (kind == core.BadCredential || kind == core.Unavailable || kind == core.Internal) {
		return err // it tells nothing of what the sender may not know
	}
	ctx, cancel := k.within()
	defer cancel()
	if ended := k.Confirm(ctx, who); ended != nil {
		return ended
	}
	return err
}

// actor gives who makes the changes of a request.
func (k *Kit) actor(who *core.Principal, requestID string) *core.Actor {
	a := &core.Actor{Kind: core.KeyActor, ID: who.KeyID, Dialect: k.Name, RequestID: requestID}
	if who.Session != nil {
		a.Kind, a.ID = core.SessionActor, who.Account
	}
	return a
}

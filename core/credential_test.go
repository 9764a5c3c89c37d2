package core_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

// credential is one way to be known: asking who it is, n times.
type credential func(t *testing.T) *core.Principal

// eachCredential runs the guarantee for API keys and for session tokens. The
// gateway is not watching yet.
func eachCredential(t *testing.T, check func(t *testing.T, g *gateway, tenant core.Tenant, who credential)) {
	t.Helper()
	for name, ask := range map[string]func(g *gateway, ctx context.Context, tenant core.Tenant, id core.SessionID) (*core.Principal, error){
		"key": func(g *gateway, ctx context.Context, _ core.Tenant, _ core.SessionID) (*core.Principal, error) {
			return g.PrincipalByKey(ctx, core.Refold, "the-key")
		},
		"session": func(g *gateway, ctx context.Context, tenant core.Tenant, id core.SessionID) (*core.Principal, error) {
			return g.PrincipalBySession(ctx, *tenant.Refold, id)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t)
			tenant := g.demo(t, "demo")
			_, err := g.CreateKey(t.Context(), tenant, core.Refold, "the-key")
			require.NoError(t, err)
			_, err = g.CreateAccount(t.Context(), tenant, "the-user")
			require.NoError(t, err)
			id := g.session(t, tenant, "the-user")
			check(t, g, tenant, func(t *testing.T) *core.Principal {
				t.Helper()
				p, err := ask(g, t.Context(), tenant, id)
				require.NoError(t, err)
				require.Equal(t, tenant, *p.Tenant)
				return p
			})
		})
	}
}

// requireLookUps asks n times and wants so many of them to reach the store.
func requireLookUps(t *testing.T, g *gateway, who credential, n int, want int64) {
	t.Helper()
	before := g.store.lookUps.Load()
	for range n {
		who(t)
	}
	require.Equal(t, want, g.store.lookUps.Load()-before)
}

func TestAKnownCredentialIsLookedUpOnceWhileWatching(t *testing.T) {
	t.Parallel()
	eachCredential(t, func(t *testing.T, g *gateway, _ core.Tenant, who credential) {
		g.watch(t)
		requireLookUps(t, g, who, 5, 1)
	})
}

func TestAForgottenCredentialIsLookedUpAnew(t *testing.T) {
	t.Parallel()
	eachCredential(t, func(t *testing.T, g *gateway, _ core.Tenant, who credential) {
		g.watch(t)
		requireLookUps(t, g, who, 5, 1)
		g.ForgetCredentials()
		requireLookUps(t, g, who, 5, 1)
	})
}

func TestACredentialIsLookedUpEveryTimeWhileNotWatching(t *testing.T) {
	t.Parallel()
	eachCredential(t, func(t *testing.T, g *gateway, _ core.Tenant, who credential) {
		requireLookUps(t, g, who, 5, 5)
		stop := g.watch(t)
		requireLookUps(t, g, who, 5, 1)
		stop()
		requireLookUps(t, g, who, 5, 5)
		g.watch(t)
		requireLookUps(t, g, who, 5, 1)
	})
}

func TestAChangeOfTheTenantMakesItsCredentialsBeLookedUpAnew(t *testing.T) {
	t.Parallel()
	eachCredential(t, func(t *testing.T, g *gateway, tenant core.Tenant, who credential) {
		other := g.demo(t, "other")
		g.watch(t)
		requireLookUps(t, g, who, 3, 1)
		g.touch(t, other, "someone")
		requireLookUps(t, g, who, 3, 0) // another tenant's change is no matter
		g.touch(t, tenant, "someone")
		requireLookUps(t, g, who, 3, 1)
	})
}

func TestALookUpThatRacedWithAChangeIsNotRemembered(t *testing.T) {
	t.Parallel()
	eachCredential(t, func(t *testing.T, g *gateway, tenant core.Tenant, who credential) {
		g.watch(t)
		g.store.during = func() { g.touch(t, tenant, "someone") }
		requireLookUps(t, g, who, 1, 1) // what it read may be old by the time that it answers
		requireLookUps(t, g, who, 3, 1)
	})
}

func TestALookUpThatRacedWithAnotherTenantsChangeIsRemembered(t *testing.T) {
	t.Parallel()
	eachCredential(t, func(t *testing.T, g *gateway, _ core.Tenant, who credential) {
		other := g.demo(t, "other")
		g.watch(t)
		g.store.during = func() { g.touch(t, other, "someone") }
		requireLookUps(t, g, who, 3, 1)
	})
}

func TestALookUpThatRacedWithTheEndOfTheWatchIsNotRemembered(t *testing.T) {
	t.Parallel()
	eachCredential(t, func(t *testing.T, g *gateway, _ core.Tenant, who credential) {
		stop := g.watch(t)
		g.store.during = func() {
			stop()
			g.watch(t) // connected again: yet a change may have been missed between
		}
		requireLookUps(t, g, who, 1, 1)
		requireLookUps(t, g, who, 3, 1)
	})
}

func TestACredentialIsLookedUpAnewAfterAMinute(t *testing.T) {
	t.Parallel()
	eachCredential(t, func(t *testing.T, g *gateway, _ core.Tenant, who credential) {
		g.watch(t)
		requireLookUps(t, g, who, 3, 1)
		*g.now = start.Add(time.Minute - 1)
		requireLookUps(t, g, who, 3, 0)
		*g.now = start.Add(time.Minute)
		requireLookUps(t, g, who, 3, 1)
	})
}

func TestACredentialIsLookedUpAnewWhereAChangeMayHaveGoneUnheard(t *testing.T) {
	t.Parallel()
	eachCredential(t, func(t *testing.T, g *gateway, _ core.Tenant, who credential) {
		other := g.demo(t, "other")
		g.store.heard = func(e core.DirectoryEvent) core.DirectoryEvent { // signs of life that end
			e.Until = start.Add(core.MaxUnheard)
			return e
		}
		g.watch(t)
		requireLookUps(t, g, who, 3, 1)
		*g.now = start.Add(core.MaxUnheard - 1)
		requireLookUps(t, g, who, 3, 0)
		*g.now = start.Add(core.MaxUnheard)
		requireLookUps(t, g, who, 3, 3)

		g.store.heard = func(e core.DirectoryEvent) core.DirectoryEvent {
			require.Equal(t, other.ID, e.Changed)
			return core.DirectoryEvent{Connected: true, Quiet: true, Until: start.Add(2 * core.MaxUnheard)}
		}
		_, err := g.CreateAccount(t.Context(), other, "someone") // is heard as a sign of life
		require.NoError(t, err)
		g.untilTold(t, core.DirectoryEvent{Connected: true, Quiet: true, Until: start.Add(2 * core.MaxUnheard)})
		requireLookUps(t, g, who, 3, 0) // nothing changed, and that is known again
		*g.now = start.Add(2 * core.MaxUnheard)
		requireLookUps(t, g, who, 3, 3)
	})
}

func TestACredentialThatNamesNobodyIsBadAndNotRememberedAsSuch(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	tenant := g.demo(t, "demo")
	g.watch(t)
	requireBad := func(_ *core.Principal, err error) {
		t.Helper()
		require.Equal(t, core.BadCredential, core.KindOf(err), "%v", err)
	}
	requireBad(g.PrincipalByKey(t.Context(), core.Refold, "the-key"))
	requireBad(g.PrincipalByKey(t.Context(), core.Refold, ""))
	requireBad(g.PrincipalBySession(t.Context(), *tenant.Refold, core.SessionID{Account: "the-user"}))
	requireBad(g.PrincipalBySession(t.Context(), *tenant.Refold, core.SessionID{}))

	key, err := g.CreateKey(t.Context(), tenant, core.Refold, "the-key")
	require.NoError(t, err)
	_, err = g.CreateAccount(t.Context(), tenant, "the-user")
	require.NoError(t, err)
	p, err := g.PrincipalByKey(t.Context(), core.Refold, "the-key")
	require.NoError(t, err)
	require.Equal(t, core.Principal{Tenant: &tenant, KeyID: key.ID, Scope: core.FullAccess}, *p)
	id := g.session(t, tenant, "the-user")
	p, err = g.PrincipalBySession(t.Context(), *tenant.Refold, id)
	require.NoError(t, err)
	require.Equal(t, core.Principal{Tenant: &tenant, Account: "the-user", Session: &id}, *p)

	requireBad(g.PrincipalByKey(t.Context(), core.CometChat, "the-key"))
	requireBad(g.PrincipalBySession(t.Context(), core.RefoldAddress{OrgID: "org-demo", Environment: core.Production}, id))
	id.Account = "another"
	requireBad(g.PrincipalBySession(t.Context(), *tenant.Refold, id))
}

func TestRememberedCredentialsAreNotMixedUp(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	one, two := g.demo(t, "one"), g.demo(t, "two")
	for _, tenant := range []core.Tenant{one, two} {
		_, err := g.CreateAccount(t.Context(), tenant, "the-user")
		require.NoError(t, err)
	}
	_, err := g.CreateKey(t.Context(), one, core.Refold, "the-key")
	require.NoError(t, err)
	_, err = g.CreateKey(t.Context(), two, core.CometChat, "the-key")
	require.NoError(t, err)
	ids := []core.SessionID{g.session(t, one, "the-user"), g.session(t, one, "the-user")}
	require.Equal(t, ids[0], g.session(t, two, "the-user"), "they look alike")
	g.watch(t)
	for range 2 { // looked up, then remembered
		for dialect, want := range map[core.DialectName]core.Tenant{core.Refold: one, core.CometChat: two} {
			p, err := g.PrincipalByKey(t.Context(), dialect, "the-key")
			require.NoError(t, err)
			require.Equal(t, want, *p.Tenant)
		}
		for _, want := range []core.Tenant{one, two} {
			p, err := g.PrincipalBySession(t.Context(), *want.Refold, ids[0])
			require.NoError(t, err)
			require.Equal(t, want, *p.Tenant)
		}
		for _, want := range ids {
			p, err := g.PrincipalBySession(t.Context(), *one.Refold, want)
			require.NoError(t, err)
			require.Equal(t, want, *p.Session)
		}
	}
}

func TestALookUpThatFailedIsNoVerdictOnTheCredential(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := g.PrincipalByKey(ctx, core.Refold, "the-key")
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, core.Internal, core.KindOf(err))
}

package core_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

func TestAKeyIsGoodUntilTheVeryMomentThatItExpires(t *testing.T) {
	t.Parallel()
	for name, watching := range map[string]bool{"remembered": true, "looked up": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t)
			tenant := g.demo(t, "demo")
			ends := start.Add(10 * time.Second)
			key, err := g.IssueKey(t.Context(), tenant, core.NewKey{Dialect: core.Refold, Value: "the-key", ExpiresAt: &ends})
			require.NoError(t, err)
			require.Equal(t, ends, *key.ExpiresAt)
			if watching {
				g.watch(t)
			}
			ask := func() error {
				_, err := g.PrincipalByKey(t.Context(), core.Refold, "the-key")
				return err
			}
			require.NoError(t, ask())
			*g.now = ends.Add(-1)
			require.NoError(t, ask())
			*g.now = ends
			require.Equal(t, core.BadCredential, core.KindOf(ask()))
			require.Equal(t, core.KeyExpired, g.KeyStatus(key))
		})
	}
}

func TestAnEndedKeyLooksLikeOneThatNeverWas(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	tenant, suspended := g.demo(t, "demo"), g.demo(t, "suspended")
	for value, owner := range map[string]core.Tenant{"expired": tenant, "revoked": tenant, "of a suspended": suspended} {
		ends := start.Add(time.Second)
		key, err := g.IssueKey(t.Context(), owner, core.NewKey{Dialect: core.Refold, Value: value, ExpiresAt: &ends})
		require.NoError(t, err)
		if value == "revoked" {
			_, err = g.RevokeKey(t.Context(), key.ID)
			require.NoError(t, err)
		}
	}
	_, err := g.SuspendTenant(t.Context(), "suspended")
	require.NoError(t, err)
	_, unknown := g.PrincipalByKey(t.Context(), core.Refold, "unknown")
	*g.now = start.Add(time.Second)
	for _, value := range []string{"expired", "revoked", "of a suspended"} {
		_, err := g.PrincipalByKey(t.Context(), core.Refold, value)
		var want, got *core.Error
		require.ErrorAs(t, unknown, &want)
		require.ErrorAs(t, err, &got)
		require.Equal(t, []any{want.Kind, want.Noun, want.Fields, want.Message}, []any{got.Kind, got.Noun, got.Fields, got.Message})
	}
}

// What is taken back in a process holds there from the next request on, before
// the store has told of it.
func TestWhatAnOperatorTakesBackHoldsAtOnceInItsProcess(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(g *gateway, ctx context.Context, key core.Key) error{
		"revoked": func(g *gateway, ctx context.Context, key core.Key) error {
			_, err := g.RevokeKey(ctx, key.ID)
			return err
		},
		"rotated": func(g *gateway, ctx context.Context, key core.Key) error {
			_, _, err := g.RotateKey(ctx, key.ID, "the-next-key", 0, nil)
			return err
		},
		"suspended": func(g *gateway, ctx context.Context, _ core.Key) error {
			_, err := g.SuspendTenant(ctx, "demo")
			return err
		},
		"deleted": func(g *gateway, ctx context.Context, _ core.Key) error { return g.DeleteTenant(ctx, "demo", nil) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t)
			key, err := g.CreateKey(t.Context(), g.demo(t, "demo"), core.Refold, "the-key")
			require.NoError(t, err)
			g.store.deaf = true
			g.watch(t)
			for range 2 {
				_, err = g.PrincipalByKey(t.Context(), core.Refold, "the-key")
				require.NoError(t, err)
			}
			require.NoError(t, end(g, t.Context(), key))
			_, err = g.PrincipalByKey(t.Context(), core.Refold, "the-key")
			require.Equal(t, core.BadCredential, core.KindOf(err), "%v", err)
		})
	}
}

func TestARotatedKeyIsGoodForTheOverlap(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	tenant := g.demo(t, "demo")
	first, err := g.IssueKey(t.Context(), tenant, core.NewKey{Dialect: core.CometChat, Scope: core.AuthOnly, Value: "first"})
	require.NoError(t, err)
	next, old, err := g.RotateKey(t.Context(), first.ID, "the second, with an end", time.Hour, nil)
	require.NoError(t, err)
	require.Equal(t, core.KeyExpiring, g.KeyStatus(old))
	require.Equal(t, core.KeyActive, g.KeyStatus(next))
	require.Equal(t, []any{tenant.ID, core.CometChat, core.AuthOnly, " end"}, []any{next.Tenant, next.Dialect, next.Scope, next.Hint})
	for _, after := range []time.Duration{0, time.Hour - time.Second, time.Hour} {
		*g.now = start.Add(after)
		_, err = g.PrincipalByKey(t.Context(), core.CometChat, "first")
		require.Equal(t, after == time.Hour, core.KindOf(err) == core.BadCredential, "%v: %v", after, err)
		_, err = g.PrincipalByKey(t.Context(), core.CometChat, "the second, with an end")
		require.NoError(t, err)
	}
	*g.now = start.Add(time.Hour)
	_, _, err = g.RotateKey(t.Context(), first.ID, "third", time.Hour, nil)
	require.ErrorIs(t, err, core.ErrKeyEnded, "it has expired")
	_, _, err = g.RotateKey(t.Context(), next.ID, "third", -1, nil)
	requireInvalid(t, err, "key", "overlap")
	_, _, err = g.RotateKey(t.Context(), next.ID, "third", 0, new(start))
	requireInvalid(t, err, "key", "expires")
	_, _, err = g.RotateKey(t.Context(), core.NewUUID(), "third", 0, nil)
	require.Equal(t, core.NotFound, core.KindOf(err))

	_, old, err = g.RotateKey(t.Context(), next.ID, "third", 0, nil)
	require.NoError(t, err)
	require.Equal(t, core.KeyRevoked, g.KeyStatus(old))
	_, err = g.PrincipalByKey(t.Context(), core.CometChat, "the second, with an end")
	require.Equal(t, core.BadCredential, core.KindOf(err))
}

func TestImportedKeysArePlausibleAndComeTogether(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	tenant := g.demo(t, "demo")
	good := []string{"sixteen-bytes-00", strings.Repeat("~", 512), "!\"#$%&'()*+,-./0"}
	keys, err := g.ImportKeys(t.Context(), tenant, core.Refold, "", good)
	require.NoError(t, err)
	for i, value := range good {
		require.Equal(t, value[len(value)-4:], keys[i].Hint)
		_, err := g.PrincipalByKey(t.Context(), core.Refold, value)
		require.NoError(t, err)
	}
	const fresh = "a fresh value that is never kept"
	for bad, kind := range map[string]core.Kind{
		"fifteen-bytes-0": core.Invalid, strings.Repeat("a", 513): core.Invalid, "with a space in it": core.Invalid,
		"with-a-tab\t-in-it": core.Invalid, "with-a-letter-ä": core.Invalid, "with-a-delete-\x7f!": core.Invalid, "": core.Invalid,
		good[1]: core.Conflict, strings.ReplaceAll(fresh, " ", "-"): core.Conflict,
	} {
		_, err := g.ImportKeys(t.Context(), tenant, core.Refold, "", []string{strings.ReplaceAll(fresh, " ", "-"), bad})
		require.Equal(t, kind, core.KindOf(err), "%q: %v", bad, err)
		refused, ok := errors.AsType[*core.KeyValueError](err)
		require.True(t, ok)
		require.Equal(t, 1, refused.Index)
		if len(bad) > 0 {
			require.NotContains(t, err.Error(), bad)
		}
	}
	for _, err := range []error{
		func() error { _, err := g.ImportKeys(t.Context(), tenant, core.Refold, "", nil); return err }(),
		func() error { _, err := g.ImportKeys(t.Context(), tenant, "esperanto", "", good); return err }(),
		func() error { _, err := g.ImportKeys(t.Context(), tenant, core.CometChat, "none", good); return err }(),
	} {
		require.Equal(t, core.Invalid, core.KindOf(err))
	}
	list, err := g.Keys(t.Context(), tenant)
	require.NoError(t, err)
	require.Len(t, list, len(good))
}

func TestWhenAKeyWasUsedIsWrittenOnceAndOffTheRequest(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	tenant := g.demo(t, "demo")
	_, err := g.CreateKey(t.Context(), tenant, core.Refold, "the-key")
	require.NoError(t, err)
	_, err = g.CreateKey(t.Context(), tenant, core.CometChat, "unused")
	require.NoError(t, err)
	g.watch(t)
	use := func(after time.Duration) {
		*g.now = start.Add(after)
		_, err := g.PrincipalByKey(t.Context(), core.Refold, "the-key")
		require.NoError(t, err)
		_, err = g.PrincipalByKey(t.Context(), core.Refold, "wrong")
		require.Error(t, err)
	}
	written := func() []*time.Time {
		require.NoError(t, g.WriteKeyUses(t.Context()))
		keys, err := g.Keys(t.Context(), tenant)
		require.NoError(t, err)
		require.Len(t, keys, 2)
		out := []*time.Time{nil, nil}
		for i := range keys {
			if keys[i].Dialect == core.Refold {
				out[0] = keys[i].LastUsedAt
			} else {
				out[1] = keys[i].LastUsedAt
			}
		}
		return out
	}
	second := func(after time.Duration) []*time.Time {
		return []*time.Time{new(start.UTC().Truncate(time.Second).Add(after)), nil}
	}
	use(0)
	require.Zero(t, g.store.noted.Load(), "not on the request")
	require.Equal(t, second(0), written())
	require.EqualValues(t, 1, g.store.noted.Load())
	written()
	require.EqualValues(t, 1, g.store.noted.Load(), "nothing new, nothing written")
	use(10 * time.Second) // remembered
	use(70 * time.Second) // looked up anew
	use(80 * time.Second)
	g.store.noteErr = errors.New("no database")
	require.Error(t, g.WriteKeyUses(t.Context()))
	g.store.noteErr = nil
	require.Equal(t, second(80*time.Second), written(), "what could not be written is the next time")
	*g.now = start.Add(time.Hour)
	written() // nobody has used it for long
	use(2 * time.Hour)
	require.Equal(t, second(2*time.Hour), written())
}

func TestWhenAKeyWasUsedIsWrittenAsTheGatewayStops(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	tenant := g.demo(t, "demo")
	key, err := g.CreateKey(t.Context(), tenant, core.Refold, "the-key")
	require.NoError(t, err)
	_, err = g.PrincipalByKey(t.Context(), core.Refold, "the-key")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	g.KeepKeyUses(ctx, func(err error) { require.NoError(t, err) })
	_, key, err = g.Key(t.Context(), key.ID)
	require.NoError(t, err)
	require.Equal(t, start.UTC().Truncate(time.Second), *key.LastUsedAt)
}

func TestNothingIsAddedToATenantThatIsBeingDeleted(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	g.demo(t, "demo")
	tenant, err := g.store.SetTenantStatus(t.Context(), "demo", core.TenantDeleting)
	require.NoError(t, err)
	_, err = g.CreateKey(t.Context(), tenant, core.Refold, "the-key")
	require.ErrorIs(t, err, core.ErrTenantDeleting)
	_, err = g.CreateAccount(t.Context(), tenant, "the-user")
	require.ErrorIs(t, err, core.ErrTenantDeleting)
	_, err = g.ResumeTenant(t.Context(), "demo")
	require.ErrorIs(t, err, core.ErrTenantDeleting)
	require.NoError(t, g.DeleteTenant(t.Context(), "demo", nil), "it goes on")
	_, err = g.Tenant(t.Context(), "demo")
	require.Equal(t, core.NotFound, core.KindOf(err))
	require.Equal(t, core.NotFound, core.KindOf(g.DeleteTenant(t.Context(), "demo", nil)))
}

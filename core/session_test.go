package core_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

func TestASessionLivesForItsLifetimeInWholeSeconds(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	tenant := g.demo(t, "demo")
	_, err := g.CreateAccount(t.Context(), tenant, "user")
	require.NoError(t, err)
	at := start.Unix()
	for _, c := range []struct{ lifetime, refresh, want, wantRefresh time.Duration }{
		{time.Hour, 2 * time.Hour, time.Hour, 2 * time.Hour},
		{90*time.Minute + time.Second - 1, 2*time.Hour + time.Second - 1, 90 * time.Minute, 2 * time.Hour},
		{3 * time.Hour, 0, 3 * time.Hour, 3 * time.Hour}, // a refresh never ends before
	} {
		s, err := g.Service.IssueSession(t.Context(), tenant.ID, core.NewSession{
			Account: "user", Lifetime: c.lifetime, RefreshLifetime: c.refresh, Fresh: true,
		})
		require.NoError(t, err)
		require.Equal(t, core.Session{
			SessionID:        core.SessionID{Account: "user", IssuedAt: at, ExpiresAt: at + int64(c.want.Seconds())},
			RefreshExpiresAt: at + int64(c.wantRefresh.Seconds()),
		}, s)
	}
	_, err = g.Service.IssueSession(t.Context(), tenant.ID, core.NewSession{Account: "stranger", Lifetime: time.Hour})
	require.Equal(t, core.NotFound, core.KindOf(err))
}

func TestASessionIsGivenOnceMoreWhileItHasAMinuteLeft(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	tenant := g.demo(t, "demo")
	_, err := g.CreateAccount(t.Context(), tenant, "user")
	require.NoError(t, err)
	in := core.NewSession{Account: "user", Lifetime: time.Hour}
	issue := func(after time.Duration) core.Session {
		*g.now = start.Truncate(time.Second).Add(after)
		s, err := g.Service.IssueSession(t.Context(), tenant.ID, in)
		require.NoError(t, err)
		return s
	}
	first := issue(0)
	require.Equal(t, first, issue(time.Minute))
	require.Equal(t, first, issue(59*time.Minute))
	require.NotEqual(t, first, issue(59*time.Minute+time.Second))
}

func TestARevokedSessionIsForgottenBeforeTheWatchTellsOfIt(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	tenant := g.demo(t, "demo")
	_, err := g.CreateAccount(t.Context(), tenant, "user")
	require.NoError(t, err)
	one, two := g.unheard(t), g.unheard(t)
	id := g.session(t, tenant, "user")
	who, other := remembered(t, one, tenant, id), remembered(t, two, tenant, id)
	require.NoError(t, one.ConfirmSession(t.Context(), who))
	require.NoError(t, one.RevokeSession(t.Context(), who))
	_, err = one.PrincipalBySession(t.Context(), *tenant.Refold, id)
	require.Equal(t, core.BadCredential, core.KindOf(err), "%v", err)
	require.ErrorIs(t, one.RevokeSession(t.Context(), who), core.ErrSessionEnded, "once")

	// The other instance remembers it, and can do nothing by it.
	require.Same(t, other, remembered(t, two, tenant, id))
	require.ErrorIs(t, two.ConfirmSession(t.Context(), other), core.ErrSessionEnded)
	ctx := core.WithSession(t.Context(), &core.SessionUse{ID: id})
	_, err = two.CreateMCPServer(ctx, tenant.ID, core.NewMCPServer{Name: "n", URL: "http://localhost"})
	require.ErrorIs(t, err, core.ErrSessionEnded)
	_, total, err := two.MCPServerPage(t.Context(), tenant.ID, core.OldestFirst, 0, 1)
	require.NoError(t, err)
	require.Zero(t, total)
}

func TestAContextWithoutASessionHasNone(t *testing.T) {
	t.Parallel()
	require.Nil(t, core.SessionOf(t.Context()))
	require.Equal(t, t.Context(), core.WithSession(t.Context(), nil))
	use := &core.SessionUse{}
	require.Same(t, use, core.SessionOf(core.WithSession(t.Context(), use)))
}

func TestARotatedKeySignsAndHasAnIDOfItsOwn(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	tenant := g.demo(t, "demo")
	_, err := g.CreateAccount(t.Context(), tenant, "user")
	require.NoError(t, err)
	first := g.session(t, tenant, "user")
	one, err := g.RotateSigningKey(t.Context())
	require.NoError(t, err)
	two, err := g.RotateSigningKey(t.Context())
	require.NoError(t, err)
	require.True(t, core.ValidSigningKeyID(one.ID))
	require.NotEqual(t, one.ID, two.ID)
	require.Equal(t, two.ID, g.session(t, tenant, "user").KeyID)
	_, err = g.RetireSigningKey(t.Context(), two.ID)
	require.True(t, core.IsConflictOn(err, "newest"), "%v", err)
	k, err := g.RetireSigningKey(t.Context(), "")
	require.NoError(t, err)
	require.Equal(t, start.Truncate(time.Millisecond), *k.RetiredAt)
	_, err = g.PrincipalBySession(t.Context(), *tenant.Refold, first)
	require.Equal(t, core.BadCredential, core.KindOf(err))
	keys, err := g.SigningKeys(t.Context())
	require.NoError(t, err)
	require.Len(t, keys, 3)
	require.False(t, core.ValidSigningKeyID(keys[2].ID), "the first one's is in no token")
}

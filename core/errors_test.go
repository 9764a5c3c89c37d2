package core_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

func TestAnErrorIsOfTheKindOfTheFirstCoreErrorInItsChain(t *testing.T) {
	t.Parallel()
	notFound := &core.Error{Kind: core.NotFound, Message: "server not found"}
	for name, c := range map[string]struct {
		err  error
		want core.Kind
	}{
		"nil":       {nil, core.Internal},
		"plain":     {errors.New("disk on fire"), core.Internal},
		"cancelled": {context.Canceled, core.Internal},
		"core":      {notFound, core.NotFound},
		"wrapped":   {fmt.Errorf("read: %w", notFound), core.NotFound},
		"joined":    {errors.Join(errors.New("other"), notFound), core.NotFound},
		"outer one": {&core.Error{Kind: core.BadCredential, Err: notFound}, core.BadCredential},
		"no kind":   {&core.Error{Message: "unclassified"}, core.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, core.KindOf(c.err))
		})
	}
}

func TestAConflictIsOnTheFieldsThatItNames(t *testing.T) {
	t.Parallel()
	onSlug := &core.Error{Kind: core.Conflict, Fields: map[string]string{"slug": "is taken"}}
	require.True(t, core.IsConflictOn(onSlug, "slug"))
	require.True(t, core.IsConflictOn(fmt.Errorf("create: %w", onSlug), "slug"))
	require.False(t, core.IsConflictOn(onSlug, "name"))
	require.False(t, core.IsConflictOn(&core.Error{Kind: core.Invalid, Fields: onSlug.Fields}, "slug"))
	require.False(t, core.IsConflictOn(&core.Error{Kind: core.Conflict}, "slug"))
	require.False(t, core.IsConflictOn(errors.New("slug"), "slug"))
	require.False(t, core.IsConflictOn(nil, "slug"))
}

func TestAnErrorsTextHasItsCauseAndItsChainKeepsIt(t *testing.T) {
	t.Parallel()
	cause := errors.New("connection refused")
	err := &core.Error{Kind: core.Unavailable, Message: "the store can't be reached", Err: cause}
	require.Equal(t, "the store can't be reached: connection refused", err.Error())
	require.ErrorIs(t, err, cause)
	require.Equal(t, "gone", (&core.Error{Message: "gone"}).Error())
}

func TestStoresSayInWordsWhatIsMissingOrTaken(t *testing.T) {
	t.Parallel()
	for noun, want := range map[string]string{"mcp_server": "server not found", "signing_key": "signing key not found", "tenant": "tenant not found"} {
		require.EqualError(t, core.Missing(noun), want)
		require.Equal(t, core.NotFound, core.KindOf(core.Missing(noun)))
	}
	for want, of := range map[string][2]string{
		"another tenant has this name":                       {"tenant", "name"},
		"another tenant has this Refold org and environment": {"tenant", "refold"},
		"another tenant has this CometChat app and region":   {"tenant", "cometchat"},
		"another linked account has this id":                 {"account", "id"},
		"another key has this value":                         {"key", "key"},
		"another server has this slug":                       {"mcp_server", "slug"},
		"another idempotency key has this value":             {"idempotency_key", "idempotency_key"},
	} {
		err := core.Taken(of[0], of[1])
		require.EqualError(t, err, want)
		require.True(t, core.IsConflictOn(err, of[1]))
		require.Equal(t, of[0], err.Noun)
	}
}

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

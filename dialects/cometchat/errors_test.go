package cometchat

import (
	"errors"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

func TestEveryKindOfFailureHasItsWords(t *testing.T) {
	t.Parallel()
	const secret = "select from 10.0.0.1"
	for kind := core.Internal; kind <= core.Unavailable; kind++ {
		status, body := word(dialects.Failure{Err: &core.Error{Kind: kind, Message: "inside", Err: errors.New(secret)}})
		f := body.(errorBody).Error
		require.Contains(t, statuses, kind)
		require.GreaterOrEqual(t, status, http.StatusBadRequest)
		require.Equal(t, kind == core.Internal || kind == core.Unavailable, status >= http.StatusInternalServerError, "kind %d", kind)
		require.NotEmpty(t, f.Code)
		require.NotEmpty(t, f.Message)
		require.Equal(t, source, f.Source)
		require.NotContains(t, f.Message+f.DevMessage, secret)
		require.NotContains(t, f.Message, "inside")
		if kind != core.NoRoute && kind != core.Unserved { // whose message is a method and a path
			require.NotContains(t, f.DevMessage, "inside")
		}
	}
	require.Len(t, statuses, int(core.Unavailable)+1)
}

func TestAnUnclassifiedFailureIsInternal(t *testing.T) {
	t.Parallel()
	status, body := word(dialects.Failure{Err: errors.New("secret")})
	require.Equal(t, http.StatusInternalServerError, status)
	require.Equal(t, "An unexpected error occurred.", body.(errorBody).Error.DevMessage)
}

func TestNoFailureAboutASlugIsNone(t *testing.T) {
	t.Parallel()
	require.NoError(t, aboutSlug("s", nil))
	err := aboutSlug("s", &core.Error{Kind: core.NotFound, Message: "gone"})
	require.Equal(t, core.NotFound, core.KindOf(err))
}

func TestAFailureAboutAnAgentIsNotWordedAsOneAboutAServer(t *testing.T) {
	t.Parallel()
	code := func(kind core.Kind) string {
		_, body := word(dialects.Failure{RequestID: "the-id", Err: &creationError{&core.Error{Kind: kind, Noun: "agent", Message: "inside"}}})
		return body.(errorBody).Error.Code
	}
	require.Equal(t, "ERR_AGENT_NOT_FOUND", code(core.NotFound))
	require.Equal(t, "ERR_AGENT_CREATION_FAILED", code(core.Conflict))
	require.Equal(t, "ERR_AGENT_CREATION_FAILED", code(core.Internal))
}

package refold

import (
	"errors"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

func TestEveryKindOfFailureHasItsWords(t *testing.T) {
	t.Parallel()
	const secret = "select from 10.0.0.1"
	for kind := core.Internal; kind <= core.Unavailable; kind++ {
		status, body := word("the-id", &core.Error{Kind: kind, Message: "inside", Err: errors.New(secret)})
		b := body.(errorBody)
		require.Contains(t, statuses, kind)
		require.Contains(t, errorTypes, status, "kind %d", kind)
		require.Equal(t, kind == core.Internal || kind == core.Unavailable, status >= http.StatusInternalServerError, "kind %d", kind)
		require.Equal(t, status, b.StatusCode)
		require.NotEmpty(t, b.HTTPErrorType)
		require.NotEmpty(t, b.ErrorCode)
		require.NotEmpty(t, b.Message)
		require.NotContains(t, b.Message, secret)
		require.Equal(t, "the-id", b.RequestID)
		if kind != core.NoRoute { // whose message is the request's own method and path
			require.NotContains(t, b.Message, "inside")
		}
	}
	require.Len(t, statuses, int(core.Unavailable)+1)
}

func TestAnUnclassifiedFailureIsInternal(t *testing.T) {
	t.Parallel()
	status, body := word("the-id", errors.New("secret"))
	require.Equal(t, http.StatusInternalServerError, status)
	require.Equal(t, "Internal Server Error", body.(errorBody).Message)
}

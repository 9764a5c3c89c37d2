package refold

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

func TestEveryKindOfFailureHasItsWords(t *testing.T) {
	t.Parallel()
	const secret = "select from 10.0.0.1"
	d, request := &dialect{}, httptest.NewRequest(http.MethodGet, "/", nil)
	for kind := core.Internal; kind <= core.Unavailable; kind++ {
		failure := dialects.Failure{
			Request: request, RequestID: "the-id", Err: &core.Error{Kind: kind, Message: "inside", Err: errors.New(secret)},
		}
		status, body := d.word(failure)
		b := body.(errorBody)
		require.Contains(t, statuses, kind)
		require.Contains(t, errorTypes, status, "kind %d", kind)
		require.Equal(t, kind == core.Internal || kind == core.Unavailable || kind == core.Unserved, status >= http.StatusInternalServerError, "kind %d", kind)
		require.Equal(t, status, b.StatusCode)
		require.NotEmpty(t, b.HTTPErrorType)
		require.NotEmpty(t, b.ErrorCode)
		require.NotEmpty(t, b.Message)
		require.NotContains(t, b.Message, secret)
		require.Equal(t, "the-id", b.RequestID)
		failure.Principal = &core.Principal{Tenant: &core.Tenant{RefoldRevision: core.RefoldV3}}
		status, body = d.word(failure)
		require.Equal(t, statuses[kind], status)
		require.Empty(t, body.(errorBody).RequestID)
		require.NotEmpty(t, body.(errorBody).Message)
		if kind != core.NoRoute && kind != core.Unserved && kind != core.UnsupportedEncoding { // whose message says of the request what it is
			require.NotContains(t, b.Message, "inside")
		}
	}
	require.Len(t, statuses, int(core.Unavailable)+1)
}

func TestAnUnclassifiedFailureIsInternal(t *testing.T) {
	t.Parallel()
	status, body := (&dialect{}).word(dialects.Failure{Request: httptest.NewRequest(http.MethodGet, "/", nil), Err: errors.New("secret")})
	require.Equal(t, http.StatusInternalServerError, status)
	require.Equal(t, "Internal Server Error", body.(errorBody).Message)
}

package refold

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
	"github.com/diglot/diglot/store/memstore"
)

func newKit(t *testing.T) *dialects.Kit {
	t.Helper()
	secret, err := core.NewSecret(core.RandomMaterial())
	require.NoError(t, err)
	service := core.NewService(memstore.New(), secret, time.Now, core.NewIDSource())
	return New(service, NewTokens(secret, DefaultLifetimes), dialects.Options{Logger: slog.New(slog.DiscardHandler)})
}

func TestEveryOperationThatIsServedIsOneOfTheVendors(t *testing.T) {
	t.Parallel()
	served := newKit(t).Routes()
	require.NotEmpty(t, served)
	for _, o := range served {
		require.Contains(t, operations(), o)
	}
	seen := map[string]bool{}
	for _, o := range operations() {
		require.False(t, seen[o.String()], "twice: %s", o)
		seen[o.String()] = true
	}
	require.Greater(t, len(seen), len(served))
}

var parameter = regexp.MustCompile(`\{\w+\}`)

// A route that took an operation of another name, or a name that took another's,
// would show here.
func TestEveryOperationOfTheVendorsIsServedOrRefusedByItsOwnName(t *testing.T) {
	t.Parallel()
	kit := newKit(t)
	served := map[dialects.Operation]bool{}
	for _, o := range kit.Routes() {
		served[o] = true
	}
	for _, o := range operations() {
		w := httptest.NewRecorder()
		kit.ServeHTTP(w, httptest.NewRequest(o.Method, parameter.ReplaceAllString(o.Path, "a-value"), strings.NewReader("{}")))
		refusal := fmt.Sprintf(`"message":"Diglot does not serve %s; it serves `, o)
		if served[o] {
			require.NotEqual(t, http.StatusNotImplemented, w.Code, o)
			require.NotContains(t, w.Body.String(), "Diglot does not serve", o)
			require.NotContains(t, w.Body.String(), "Cannot ", o)
			continue
		}
		require.Equal(t, http.StatusNotImplemented, w.Code, o)
		require.Contains(t, w.Body.String(), refusal)
		require.NotContains(t, w.Body.String(), "a-value")
	}
}

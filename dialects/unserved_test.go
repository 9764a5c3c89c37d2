package dialects_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/dialects"
)

func operations(t *testing.T, text string) []dialects.Operation {
	t.Helper()
	list, err := dialects.ParseOperations(text)
	require.NoError(t, err)
	return list
}

// newRefusingToy has a vendor whose API is larger than what is served of it.
func newRefusingToy(t *testing.T, level slog.Level) *toy {
	t.Helper()
	k := newToy(level)
	k.kit.Refuse(operations(t, `# a comment

GET /toys/{id}
PATCH /toys/{id}
GET /toys/{id}/parts
GET /toys/{id}/{part}
GET /toys/lost/{part}
GET /toys/lost/found
POST /boxes
GET /boxes/{id}`))
	return k
}

func TestWhatAVendorHasAndNoRouteServesIsRefusedByItsName(t *testing.T) {
	t.Parallel()
	k := newRefusingToy(t, slog.LevelInfo)
	for request, want := range map[string]string{
		"GET /toys/x":             `{"name":"x"}`, // served
		"GET /toys/lost":          `{"name":"lost"}`,
		"HEAD /toys/x":            `{"name":"x"}`, // the server leaves it out
		"PATCH /toys/x":           "PATCH /toys/{id}",
		"PATCH /toys/x/":          "PATCH /toys/{id}",
		"PUT /toys/x":             "where?",
		"GET /toys/x/parts":       "GET /toys/{id}/parts",
		"GET /toys/x/wheel":       "GET /toys/{id}/{part}",
		"GET /toys/lost/parts":    "GET /toys/lost/{part}",
		"GET /toys/lost/found":    "GET /toys/lost/found",
		"HEAD /toys/lost/found":   "GET /toys/lost/found",
		"GET /toys/x%2Fy/wheel":   "GET /toys/{id}/{part}",
		"GET /toys/x//":           "where?",
		"GET /toys//wheel":        "where?",
		"GET /toys/x/parts/y":     "where?",
		"DELETE /toys/lost/found": "where?",
		"POST /boxes":             "POST /boxes",
		"GET /boxes":              "where?",
		"GET /boxes/x?q=GET":      "GET /boxes/{id}",
		"GET /":                   "where?",
	} {
		method, target, _ := strings.Cut(request, " ")
		w := k.do(method, target)
		require.Contains(t, w.Body.String(), want, request)
		if strings.Contains(want, " /") {
			require.Equal(t, http.StatusNotImplemented, w.Code, request)
			require.Empty(t, w.Header().Get("Allow"), request)
		}
	}
}

func TestARefusalIsNoFailureOfOursAndIsToldOnceWithoutTheClientsValues(t *testing.T) {
	t.Parallel()
	for _, level := range []slog.Level{slog.LevelInfo, slog.LevelDebug} {
		k := newRefusingToy(t, level)
		for _, target := range []string{"/boxes/the-secret", "/boxes/another-secret?q=secret", "/toys/secret/parts"} {
			require.Equal(t, http.StatusNotImplemented, k.do(http.MethodGet, target).Code)
		}
		require.NotContains(t, k.log.String(), "secret")
		var requests, warnings []string
		for line := range strings.Lines(k.log.String()) {
			var m map[string]any
			require.NoError(t, json.Unmarshal([]byte(line), &m))
			if m["msg"] == "request" {
				require.Equal(t, "INFO", m["level"])
				requests = append(requests, m["operation"].(string))
				continue
			}
			require.Equal(t, "WARN", m["level"])
			warnings = append(warnings, m["method"].(string)+" "+m["path"].(string))
		}
		require.Equal(t, []string{"unserved", "unserved", "unserved"}, requests)
		require.Equal(t, []string{"GET /boxes/{id}", "GET /toys/{id}/parts"}, warnings)
		for _, o := range k.observations {
			require.Equal(t, "unserved", o.Operation)
			require.Equal(t, http.StatusNotImplemented, o.Status)
		}
		require.Len(t, k.observations, 3)
	}
}

func TestRoutesAreGivenAsOperations(t *testing.T) {
	t.Parallel()
	require.Equal(t, operations(t, "DELETE /toys/{name}\nGET /toys/{name}\nPOST /toys/{name}"), newToy(slog.LevelInfo).kit.Routes())
}

func TestWhatIsNoOperationIsAnError(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"GET", "GET toys", "/toys"} {
		_, err := dialects.ParseOperations("GET /toys\n" + text)
		require.ErrorContains(t, err, text)
	}
}

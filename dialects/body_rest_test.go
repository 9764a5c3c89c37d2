package dialects

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

type nothingOf struct{}

func (*nothingOf) Bind(*Request) error { return nil }

func TestTheRestOfABodyIsTakenBehindTheTenantsTurn(t *testing.T) {
	t.Parallel()
	slots := NewSlots()
	who := &core.Principal{Tenant: &core.Tenant{ID: someTenant, Limits: core.Limits{Concurrency: new(1)}}}
	k := New(Adapter{
		Name: "toy", Now: time.Now,
		Authenticate: func(context.Context, *http.Request) (*core.Principal, error) { return who, nil },
		Word:         func(Failure) (int, any) { return http.StatusBadRequest, nil },
	}, Options{Logger: slog.New(slog.DiscardHandler), Slots: slots})
	Route(k, http.MethodPost, "/toys/:name", "make_toy", http.StatusAccepted,
		func(_ context.Context, _ *core.Principal, _ nothingOf) (*struct{}, error) {
			require.EqualValues(t, 1, slots.get(someTenant).Load())
			return nil, nil //nolint:nilnil // an answer without a body
		})
	Route(k, http.MethodDelete, "/toys/:name", "remove_toy", http.StatusNoContent,
		func(context.Context, *core.Principal, nothingOf) (*struct{}, error) {
			return nil, &core.Error{Kind: core.NotFound}
		})
	for method, status := range map[string]int{http.MethodPost: http.StatusAccepted, http.MethodDelete: http.StatusBadRequest} {
		for size, taken := range map[int]int{1000: 1000, maxRestBytes: maxRestBytes, maxRestBytes + 1: 0} {
			body := &trickle{rest: make([]byte, size), step: 100_000, tell: func(int) {
				require.Zero(t, slots.get(someTenant).Load())
			}}
			r := httptest.NewRequest(method, "/toys/x", io.NopCloser(body))
			r.ContentLength = int64(size)
			w := httptest.NewRecorder()
			k.ServeHTTP(w, r)
			require.Equal(t, status, w.Code)
			require.Equal(t, taken, body.given)
			require.Zero(t, slots.get(someTenant).Load())
		}
	}
}

func TestNothingIsTakenOfABodyThatWaitsForAWord(t *testing.T) {
	t.Parallel()
	k := New(Adapter{Name: "toy", Word: func(Failure) (int, any) { return http.StatusNotFound, nil }}, Options{Logger: slog.New(slog.DiscardHandler)})
	r := httptest.NewRequest(http.MethodPost, "/nothing", io.NopCloser(&trickle{rest: make([]byte, 1000), step: 1000, tell: func(int) {
		t.Error("it was read")
	}}))
	r.ContentLength = 1000
	r.Header.Set("Expect", "100-continue")
	w := httptest.NewRecorder()
	k.ServeHTTP(w, r)
	require.Equal(t, http.StatusNotFound, w.Code)
}

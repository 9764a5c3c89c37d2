package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/gateway"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

// deafStore is connected, and hears of nothing.
type deafStore struct{ core.Store }

func (deafStore) Watch(ctx context.Context, tell func(core.DirectoryEvent)) {
	tell(core.DirectoryEvent{Connected: true})
	<-ctx.Done()
}

// deaf gives another instance over the same store that hears of nothing: what
// it remembers it goes on remembering.
func (g *inProcess) deaf(t *testing.T) *inProcess {
	t.Helper()
	service := core.NewService(deafStore{g.store}, g.secret, time.Now, core.NewIDSource())
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		service.Watch(ctx)
	}()
	server := httptest.NewServer(gateway.New(service, g.tokens, gateway.Limits{}, dialects.Options{Logger: slog.New(slog.DiscardHandler)}))
	t.Cleanup(func() { server.Close(); cancel(); <-ended })
	return &inProcess{url: server.URL, service: service}
}

func TestWhatIsRememberedOfARevokedTokenIsNeverActedOn(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, g *inProcess) {
		deaf := g.deaf(t)
		tenant, _ := g.tenant(t, "acme", "6698b77a733c5ebd8908189e", "acme-app")
		for i, use := range uses {
			id := g.session(t, tenant).SessionID
			token := g.token(t, *tenant.Refold, id)
			require.Eventually(t, func() bool { // until it is remembered
				one, _ := deaf.service.PrincipalBySession(t.Context(), *tenant.Refold, id)
				two, _ := deaf.service.PrincipalBySession(t.Context(), *tenant.Refold, id)
				return one != nil && one == two
			}, 20*time.Second, time.Millisecond)
			r := send(t, use.method, deaf.url+use.path, use.body, bearer(token)...)
			require.Equal(t, use.good, r.status, r.body)
			ended := send(t, http.MethodPost, g.url+sessionToken+"/revoke", "", bearer(token)...)
			require.Equal(t, http.StatusOK, ended.status, ended.body)
			r = send(t, use.method, deaf.url+use.path, use.body, bearer(token)...)
			require.Equal(t, http.StatusUnauthorized, r.status, "%s %s: %s", use.method, use.path, r.body)
			r = send(t, http.MethodPost, deaf.url+sessionToken+"/revoke", fmt.Sprint(i), bearer(token)...)
			require.Equal(t, http.StatusUnauthorized, r.status, r.body)
			require.Contains(t, r.body, `"INVALID_TOKEN"`)
			still, err := deaf.service.PrincipalBySession(t.Context(), *tenant.Refold, id)
			require.NoError(t, err, "it was remembered all the while")
			require.Equal(t, id, *still.Session)
		}
	})
}

func TestFiftyRequestsAtOnceForATokenGetTheSameOne(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, g *inProcess) {
		_, headers := g.tenant(t, "acme", "6698b77a733c5ebd8908189e", "acme-app")
		for _, query := range []string{"", "?force_refresh=true"} {
			bodies := make(chan string, 50)
			for range cap(bodies) {
				go func() {
					r, err := try(t.Context(), http.MethodPost, g.url+sessionToken+query, `{"linked_account_id":"`+testAccount+`"}`, headers["key"]...)
					bodies <- fmt.Sprint(r.status, r.body, err)
				}()
			}
			distinct := map[string]bool{}
			for range cap(bodies) {
				body := <-bodies
				require.Contains(t, body, `200{"token":"`)
				distinct[body] = true
			}
			if query == "" {
				require.Len(t, distinct, 1)
			} else {
				require.Less(t, len(distinct), cap(bodies), "one for each second")
			}
		}
	})
}

package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/store/storetest"
)

// behindBouncer is two gateways that share a database through one PgBouncer,
// and a tenant with its clients, who ask either.
type behindBouncer struct {
	*storetest.Bouncer

	direct   string // the URL past it
	tenant   madeTenant
	gateways [2]*gatewayProcess
}

func startBehindBouncer(t *testing.T) *behindBouncer {
	t.Helper()
	databaseURL := storetest.New(t)
	b := &behindBouncer{Bouncer: storetest.NewBouncer(t, databaseURL), direct: databaseURL}
	env := []string{envDatabaseURL + "=" + databaseURL, envPooledURL + "=" + b.URL(t, databaseURL)}
	b.tenant = makeTenant(t, env, "acme", "6698b77a733c5ebd8908189e", "my-app-id")
	for i := range b.gateways {
		b.gateways[i] = startGateway(t, env)
	}
	return b
}

func (b *behindBouncer) refold() []string {
	return []string{"x-api-key", b.tenant.refoldKey, "linked_account_id", "customer@example.com"}
}

func (b *behindBouncer) cometchat() []string { return []string{"apikey", b.tenant.cometChatKey} }

// create makes a server through the dialect and the gateway that n names, in
// turn, and gives the answer.
func (b *behindBouncer) create(ctx context.Context, n int, slug string) (reply, error) {
	gateway := b.gateways[n%2].url
	if n/2%2 == 0 {
		return try(ctx, http.MethodPost, gateway+refoldServers, `{"name":"`+slug+`","description":"d"}`, b.refold()...)
	}
	return try(ctx, http.MethodPost, gateway+cometChatServers, `{"name":"n","slug":"`+slug+`","url":"http://localhost"}`, b.cometchat()...)
}

func TestTwoGatewaysBehindPgBouncerAreOne(t *testing.T) {
	t.Parallel()
	b := startBehindBouncer(t)
	const clients, each = 24, 8
	errs := make([]error, clients)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			for n := range each {
				if errs[i] = b.useOne(t.Context(), i+n, fmt.Sprintf("server-%d-%d", i, n)); errs[i] != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	slugs := listed(t, b.gateways[0].url, b.cometchat())
	require.Len(t, slugs, clients*each/2)
	require.Equal(t, slugs, listed(t, b.gateways[1].url, b.cometchat()))

	// A key that is taken back is forgotten: of that they hear past the PgBouncer.
	conn, err := pgx.Connect(t.Context(), b.direct)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	_, err = conn.Exec(t.Context(), "DELETE FROM api_key WHERE dialect = 'cometchat'")
	require.NoError(t, err)
	for _, g := range b.gateways {
		require.Eventually(t, func() bool {
			return send(t, http.MethodGet, g.url+cometChatServers, "", b.cometchat()...).status == http.StatusUnauthorized
		}, 10*time.Second, 10*time.Millisecond)
	}
}

// useOne makes a server through one gateway, changes it through the other in
// the other dialect, and has each of both see that. Every second is removed.
func (b *behindBouncer) useOne(ctx context.Context, n int, slug string) error {
	other := b.gateways[(n+1)%2].url
	r, err := b.create(ctx, n, slug)
	if err = want(http.StatusCreated, r, err); err != nil {
		return err
	}
	r, err = try(ctx, http.MethodPatch, other+cometChatServers+"/"+slug, `{"description":"changed"}`, b.cometchat()...)
	if err = want(http.StatusOK, r, err); err != nil {
		return err
	}
	for _, g := range b.gateways {
		r, err = try(ctx, http.MethodGet, g.url+cometChatServers+"/"+slug, "", b.cometchat()...)
		if err = want(http.StatusOK, r, err); err != nil {
			return err
		}
		if !strings.Contains(r.body, `"changed"`) {
			return fmt.Errorf("not changed: %s", r.body)
		}
	}
	if n%2 == 0 {
		return nil
	}
	r, err = try(ctx, http.MethodDelete, other+cometChatServers+"/"+slug, "", b.cometchat()...)
	if err = want(http.StatusOK, r, err); err != nil {
		return err
	}
	r, err = try(ctx, http.MethodGet, b.gateways[n%2].url+cometChatServers+"/"+slug, "", b.cometchat()...)
	return want(http.StatusNotFound, r, err)
}

func want(status int, r reply, err error) error {
	if err == nil && r.status != status {
		return fmt.Errorf("%d, want %d: %s", r.status, status, r.body)
	}
	return err
}

// healthyWithin is how soon after PgBouncer is back all has to be well.
const healthyWithin = 5 * time.Second

func TestEveryAcknowledgedWriteSurvivesKillingPgBouncer(t *testing.T) {
	t.Parallel()
	b := startBehindBouncer(t)
	w := startBouncerWriters(t, b)
	for range 2 {
		w.untilMore(t, 100)
		b.Kill(t)
		refused := w.refusals()
		require.Eventually(t, func() bool { return w.refusals() >= refused+8 }, 20*time.Second, time.Millisecond, "it is missed")
		for _, g := range b.gateways {
			require.Equal(t, http.StatusServiceUnavailable, send(t, http.MethodGet, g.url+"/readyz", "").status)
			require.Equal(t, http.StatusOK, send(t, http.MethodGet, g.url+"/healthz", "").status)
		}
		b.Start(t)
		back := time.Now()
		for _, g := range b.gateways {
			require.Eventually(t, func() bool {
				return send(t, http.MethodGet, g.url+"/readyz", "").status == http.StatusOK
			}, healthyWithin, 5*time.Millisecond)
		}
		w.untilMore(t, 100)
		require.Eventually(t, func() bool { return w.inARow() >= 50 }, healthyWithin-time.Since(back), time.Millisecond,
			"writes were refused for longer")
	}
	acked, wrong := w.stop()
	require.Empty(t, wrong, "answers that are neither a success nor the dialect's 503")
	for _, g := range b.gateways {
		requireAll(t, acked, listed(t, g.url, b.cometchat()))
	}
}

// bouncerWriters create servers through both dialects and both gateways until
// they are stopped.
type bouncerWriters struct {
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu      sync.Mutex
	acked   []string // slugs
	refused int
	row     int      // acknowledged since the last that was refused
	wrong   []string // answers of another kind
}

func startBouncerWriters(t *testing.T, b *behindBouncer) *bouncerWriters {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	w := &bouncerWriters{cancel: cancel}
	for i := range 8 {
		w.done.Go(func() {
			for n := i; ctx.Err() == nil; n++ {
				slug := fmt.Sprintf("server-%d-%d", i, n)
				r, err := b.create(ctx, n, slug)
				w.note(ctx, n/2%2 == 0, slug, r, err)
			}
		})
	}
	return w
}

func (w *bouncerWriters) note(ctx context.Context, refold bool, slug string, r reply, err error) {
	shape := `"code":"ERR_EXCEPTION"`
	if refold {
		shape = `"http_error_type":"SERVICE_UNAVAILABLE"`
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case ctx.Err() != nil: // it was cut short
	case err == nil && r.status == http.StatusCreated:
		w.acked = append(w.acked, slug)
		w.row++
	case err == nil && r.status == http.StatusServiceUnavailable && strings.Contains(r.body, shape) && r.header.Get("Retry-After") != "":
		w.refused++
		w.row = 0
	default:
		w.wrong = append(w.wrong, fmt.Sprint(r.status, r.body, err))
	}
}

func (w *bouncerWriters) read(figure *int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return *figure
}

func (w *bouncerWriters) refusals() int { return w.read(&w.refused) }

func (w *bouncerWriters) inARow() int { return w.read(&w.row) }

func (w *bouncerWriters) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.acked)
}

func (w *bouncerWriters) untilMore(t *testing.T, n int) {
	t.Helper()
	before := w.count()
	require.Eventually(t, func() bool { return w.count() >= before+n }, 30*time.Second, time.Millisecond)
}

// stop ends the writers and gives what was acknowledged and what was wrong.
func (w *bouncerWriters) stop() (acked, wrong []string) {
	w.cancel()
	w.done.Wait()
	return w.acked, w.wrong
}

func TestServeRefusesAPoolerWithoutAWayPastIt(t *testing.T) {
	t.Parallel()
	for _, flag := range []string{"--memory", "--demo"} {
		_, stderr, err := diglot(t, []string{envPooledURL + "=postgres://localhost/diglot"}, "serve", flag, "--data-dir", t.TempDir())
		require.Error(t, err)
		require.Contains(t, stderr, envPooledURL+" is given without "+envDatabaseURL)
	}
}

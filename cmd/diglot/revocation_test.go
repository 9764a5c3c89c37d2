package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store"
	"github.com/diglot/diglot/store/storetest"
	"github.com/diglot/diglot/store/storetest/faultproxy"
)

// splitStore has its watch on a connection of another store.
type splitStore struct {
	*store.Store

	watching *store.Store
}

func (s splitStore) Watch(ctx context.Context, tell func(core.DirectoryEvent)) {
	s.watching.Watch(ctx, tell)
}

// watched gives a gateway of this process that watches, and waits until it
// remembers the credentials.
func watched(t *testing.T, s core.Store, d core.Directory) (*inProcess, core.Tenant, credentials) {
	t.Helper()
	g := newInProcess(t, s, d)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		g.service.Watch(ctx)
	}()
	t.Cleanup(func() { cancel(); <-ended })
	tenant, headers := g.tenant(t, "acme", "6698b77a733c5ebd8908189e", "acme-app")
	require.Eventually(t, func() bool {
		one, _ := g.service.PrincipalByKey(t.Context(), core.Refold, headers["key"][1])
		two, _ := g.service.PrincipalByKey(t.Context(), core.Refold, headers["key"][1])
		return one != nil && one == two
	}, 20*time.Second, time.Millisecond)
	return g, tenant, headers
}

// The watch's connection is lost and nobody says so: nothing is heard of what is
// taken back. Requests by what was remembered go on being answered; of those
// that were sent a second or more after it was taken back, none is let in.
func TestWhatWasTakenBackIsHonouredForASecondAtMostWhateverBecomesOfTheWatch(t *testing.T) {
	t.Parallel()
	for name, takeBack := range map[string]func(ctx context.Context, g *inProcess, tenant core.Tenant) error{
		"key": func(ctx context.Context, g *inProcess, tenant core.Tenant) error {
			keys, err := g.operator.Keys(ctx, tenant)
			for _, k := range keys {
				if err == nil {
					_, err = g.operator.RevokeKey(ctx, k.ID)
				}
			}
			return err
		},
		"tenant": func(ctx context.Context, g *inProcess, tenant core.Tenant) error {
			_, err := g.operator.SuspendTenant(ctx, tenant.Name)
			return err
		},
	} {
		for _, lost := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, watch lost %t", name, lost), func(t *testing.T) {
				t.Parallel()
				databaseURL := storetest.New(t)
				proxy, through := faultproxy.Before(t, databaseURL)
				direct, watching := openAs(t, databaseURL, store.Runtime), openAs(t, through, store.Runtime)
				g, tenant, headers := watched(t, splitStore{direct, watching}, openAs(t, databaseURL, store.Operator))
				get := func() (sent time.Time, status int) {
					sent = time.Now()
					return sent, send(t, http.MethodGet, g.url+"/api/v2/public/mcp-servers", "", headers["key"]...).status
				}
				if lost {
					proxy.BlackHole()
				}
				require.NoError(t, takeBack(t.Context(), g, tenant))
				done := time.Now()
				last, refused := time.Duration(0), 0
				for {
					sent, status := get()
					after := sent.Sub(done)
					if status == http.StatusOK {
						last = after
						require.Less(t, after, core.MaxUnheard)
					} else {
						require.Equal(t, http.StatusUnauthorized, status)
						refused++
					}
					if after > 2*core.MaxUnheard && refused > 10 {
						break
					}
				}
				t.Logf("last honoured %v after it was taken back", last)
			})
		}
	}
}

func openAs(t *testing.T, databaseURL string, role store.Role) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{URL: databaseURL, Role: role, MaxConns: 4})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

// What ended, what never was and what is another's can't be told apart.
func TestRefusedCredentialsAreAnsweredAlikeByteForByte(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, g *inProcess) {
		ctx := t.Context()
		tenant, _ := g.tenant(t, "acme", "6698b77a733c5ebd8908189e", "acme-app")
		suspended, theirs := g.tenant(t, "suspended", "6500a1b2c3d4e5f6a7b8c9d0", "suspended-app")
		_, err := g.operator.SuspendTenant(ctx, suspended.Name)
		require.NoError(t, err)
		deleted, gone := g.tenant(t, "deleted", "6500a1b2c3d4e5f6a7b8c9d1", "deleted-app")
		require.NoError(t, g.operator.DeleteTenant(ctx, deleted.Name, nil))

		const refoldShape, cometChatShape = "tk%08d-0000-4000-8000-000000000000", "%040d"
		var n int
		issue := func(dialect core.DialectName, end func(core.Key) error) string {
			n++
			shape := refoldShape
			if dialect == core.CometChat {
				shape = cometChatShape
			}
			in := core.NewKey{Dialect: dialect, Value: fmt.Sprintf(shape, n), ExpiresAt: new(time.Now().Add(time.Hour))}
			if end == nil {
				in.ExpiresAt = new(time.Now().Add(time.Millisecond))
			}
			k, err := g.operator.IssueKey(ctx, tenant, in)
			require.NoError(t, err)
			if end != nil {
				require.NoError(t, end(k))
			}
			for end == nil && g.operator.KeyStatus(k) != core.KeyExpired { //nolint:revive // until it has
			}
			return in.Value
		}
		revoke := func(k core.Key) error { _, err := g.operator.RevokeKey(ctx, k.ID); return err }
		rotate := func(k core.Key) error {
			_, _, err := g.operator.RotateKey(ctx, k.ID, "the next one of "+k.ID, 0, nil)
			return err
		}
		for name, c := range map[string]struct {
			path   string
			wrong  []string
			others [][]string
		}{
			"refold": {"/api/v2/public/mcp-servers", []string{"x-api-key", fmt.Sprintf(refoldShape, 99), "linked_account_id", testAccount}, [][]string{
				{"x-api-key", issue(core.Refold, nil), "linked_account_id", testAccount},
				{"x-api-key", issue(core.Refold, revoke), "linked_account_id", testAccount},
				{"x-api-key", issue(core.Refold, rotate), "linked_account_id", testAccount},
				{"x-api-key", issue(core.CometChat, func(core.Key) error { return nil }), "linked_account_id", testAccount},
				theirs["key"], gone["key"],
			}},
			"refold token": {"/api/v2/public/mcp-servers", []string{"Authorization", "Bearer wrong"}, [][]string{theirs["token"], gone["token"]}},
			"cometchat": {"/v3/ai-agents/agent-builder/mcp-servers", []string{"apikey", fmt.Sprintf(cometChatShape, 99)}, [][]string{
				{"apikey", issue(core.CometChat, nil)},
				{"apikey", issue(core.CometChat, revoke)},
				{"apikey", issue(core.CometChat, rotate)},
				theirs["apikey"], gone["apikey"],
			}},
		} {
			for _, r := range []struct{ method, path, body string }{
				{http.MethodGet, c.path, ""},
				{http.MethodPost, c.path, `{"name":"n"}`},
				{http.MethodGet, c.path + "/nothing", ""},
				{http.MethodDelete, c.path + "/nothing", ""},
			} {
				want := plain(send(t, r.method, g.url+r.path, r.body, c.wrong...), c.wrong[1])
				require.Contains(t, want, "401", name)
				for i, headers := range c.others {
					require.Equal(t, want, plain(send(t, r.method, g.url+r.path, r.body, headers...), headers[1]), "%s %d", name, i)
				}
			}
		}
	})
}

// plain is all of an answer but its request id (which its ETag is a digest of,
// behind the length), its moment, and the key, which CometChat's answer has masked.
func plain(r reply, key string) string {
	h := r.header.Clone()
	for name := range h {
		if strings.Contains(strings.ToLower(name), "request-id") || name == "Date" {
			h.Set(name, "…")
		}
	}
	if length, _, ok := strings.Cut(h.Get("Etag"), "-"); ok {
		h.Set("Etag", length)
	}
	body := r.body
	if len(key) > 10 {
		body = strings.ReplaceAll(body, key[:5]+strings.Repeat("*", min(30, len(key)-10))+key[len(key)-5:], "…")
	}
	if id := r.header.Get("X-Request-Id"); id != "" {
		body = strings.ReplaceAll(body, id, "…")
	}
	var b strings.Builder
	fmt.Fprintln(&b, r.status)
	_ = h.Write(&b)
	_, _ = io.WriteString(&b, body)
	return b.String()
}

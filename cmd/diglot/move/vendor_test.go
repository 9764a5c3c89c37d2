package move_test

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/move"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
	"github.com/diglot/diglot/dialects/cometchat"
	cometclient "github.com/diglot/diglot/dialects/cometchat/client"
	"github.com/diglot/diglot/dialects/dialecttest"
	"github.com/diglot/diglot/dialects/refold"
	refoldclient "github.com/diglot/diglot/dialects/refold/client"
	"github.com/diglot/diglot/dialects/vendorhttp"
	"github.com/diglot/diglot/dialects/vendorhttp/vendorhttptest"
	"github.com/diglot/diglot/store/memstore"
)

// vendors are the ways in which a vendor takes records: with ids of its own, and of
// names that may repeat, or that may not.
var vendors = map[string]func(*testing.T, func(http.Handler) http.Handler) *vendor{
	"Refold legacy": func(t *testing.T, within func(http.Handler) http.Handler) *vendor {
		return newRefold(t, core.RefoldLegacy, within)
	},
	"Refold v3": func(t *testing.T, within func(http.Handler) http.Handler) *vendor {
		return newRefold(t, core.RefoldV3, within)
	},
	"CometChat": newCometChat,
}

// vendor is a vendor as a target. It overlooks idempotency keys, as vendors do.
type vendor struct {
	*dialecttest.World

	to move.Target
}

func newVendor(t *testing.T, dialect core.DialectName, serve func(*dialecttest.World, dialects.Options) http.Handler, within func(http.Handler) http.Handler) (*vendor, vendorhttp.Options) {
	t.Helper()
	w := dialecttest.NewWorld(t, dialect, memstore.New(), dialecttest.Setting{})
	h := within(serve(w, dialects.Options{Logger: w.Logger, NewRequestID: w.NewRequestID, Limits: w.Limits, Slots: w.Slots}))
	return &vendor{World: w}, vendorhttptest.NewClock().Options(vendorhttptest.Serve(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		r.Header.Del("Idempotency-Key")
		h.ServeHTTP(rw, r)
	})))
}

func newRefold(t *testing.T, revision core.RefoldRevision, within func(http.Handler) http.Handler) *vendor {
	t.Helper()
	v, o := newVendor(t, core.Refold, func(w *dialecttest.World, o dialects.Options) http.Handler {
		return refold.New(w.Core, refold.NewTokens(w.Secret, refold.DefaultLifetimes), o)
	}, within)
	o.Header = http.Header{refold.RevisionHeader: {string(revision)}}
	c, err := refoldclient.New(o, refoldclient.Credentials{APIKey: vendorhttp.Secret(v.Values["KEY"]), LinkedAccount: v.Values["ACCOUNT"]})
	require.NoError(t, err)
	v.to = move.RefoldTarget{Refold: move.NewRefold(c)}
	return v
}

func newCometChat(t *testing.T, within func(http.Handler) http.Handler) *vendor {
	t.Helper()
	v, o := newVendor(t, core.CometChat, func(w *dialecttest.World, o dialects.Options) http.Handler { return cometchat.New(w.Core, o) }, within)
	c, err := cometclient.New(o, cometclient.Credentials{APIKey: vendorhttp.Secret(v.Values["KEY"]), AppID: v.Acme.CometChat.AppID})
	require.NoError(t, err)
	v.to = move.CometChatTarget{CometChat: move.NewCometChat(c, "https://mcp.example.com/{slug}")}
	return v
}

// asIs is a vendor that does nothing odd.
func asIs(h http.Handler) http.Handler { return h }

// goesOn applies a move until it ends well, as an operator does, and gives how often
// it stopped. Each time it is another process.
func goesOn(t *testing.T, dir string, from move.Source, to move.Target) (e *move.Engine, stops int) {
	t.Helper()
	const enough = 3
	for ; ; stops++ {
		e = newEngine(t, dir, from, to)
		e.AcceptLoss = true
		err := e.Apply(t.Context())
		if err == nil {
			return e, stops
		}
		require.Less(t, stops, enough, "%v", err)
		require.NoError(t, e.Run.Close())
	}
}

// The vendor does what it is asked for and the answer is lost, of each write in turn:
// by a connection that breaks, or by a proxy that says that it has no time now, upon
// which the client sends the write again. What is created then without its name being
// refused would be there twice, so that a proxy that says so must not have passed it on.
func TestAWriteWhoseAnswerIsLostIsDoneOnce(t *testing.T) {
	t.Parallel()
	from := newTenant(t)
	fill(t, from, 2)
	isWrite := func(r *http.Request) bool { return r.Method != http.MethodGet }
	for name, open := range vendors {
		for _, proxy := range []bool{false, true} {
			refuses := func(r *http.Request) bool { // a second one of its name
				return r.Method != http.MethodPost || name != "Refold v3" && !strings.HasSuffix(r.URL.Path, "/agents")
			}
			lost := 0
			for n := int32(1); ; n++ {
				var writes, hit atomic.Int32
				v := open(t, func(h http.Handler) http.Handler {
					which := func(r *http.Request) bool {
						return isWrite(r) && (!proxy || refuses(r)) && writes.Add(1) == n && hit.Add(1) == 1
					}
					if !proxy {
						return &vendorhttptest.Breaking{Next: h, Which: which}
					}
					return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						if !which(r) {
							h.ServeHTTP(w, r)
							return
						}
						h.ServeHTTP(httptest.NewRecorder(), r)
						w.Header().Set("Retry-After", "1")
						w.WriteHeader(http.StatusServiceUnavailable)
					})
				})
				e, stops := goesOn(t, filepath.Join(t.TempDir(), "run"), from, v.to)
				if hit.Load() == 0 {
					break
				}
				lost++
				require.True(t, proxy || stops == 1, "%s: write %d", name, n)
				require.Zero(t, e.Run.Summary().Of(move.Failed), "%s: write %d, proxy %t: %v", name, n, proxy, e.Run.Summary().Records)
				found, err := e.Verify(t.Context())
				require.NoError(t, err)
				require.True(t, found.Good())
				counts, err := v.Operator.TenantCounts(t.Context(), v.Acme)
				require.NoError(t, err)
				require.Equal(t, 2, counts.Servers, "%s: write %d, proxy %t", name, n, proxy)
				require.LessOrEqual(t, counts.Agents, 1, "%s: write %d, proxy %t", name, n, proxy)
			}
			require.GreaterOrEqual(t, lost, 2, name)
		}
	}
}

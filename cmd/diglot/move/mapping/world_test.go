package mapping_test

import (
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/move/mapping"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
	"github.com/diglot/diglot/dialects/cometchat"
	cometclient "github.com/diglot/diglot/dialects/cometchat/client"
	"github.com/diglot/diglot/dialects/refold"
	refoldclient "github.com/diglot/diglot/dialects/refold/client"
	"github.com/diglot/diglot/dialects/vendorhttp"
	"github.com/diglot/diglot/dialects/vendorhttp/vendorhttptest"
	"github.com/diglot/diglot/store"
	"github.com/diglot/diglot/store/memstore"
	"github.com/diglot/diglot/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// world is both dialects over one store, served over TCP, and a client of each
// with a key of one tenant.
type world struct {
	operator  *core.Operator
	tenant    core.Tenant
	mapper    *mapping.Mapper
	refold    map[core.RefoldRevision]*refoldclient.Client
	cometchat *cometclient.Client
}

// now is later than any time of the records that are moved.
var now = time.Date(2030, time.January, 2, 3, 4, 5, 678_000_000, time.UTC)

const (
	orgID = "6698b77a733c5ebd8908189e"
	appID = "my-app-id"
)

func inMemory(t *testing.T) *world {
	t.Helper()
	s := memstore.New()
	return newWorld(t, s, s)
}

func onPostgres(t *testing.T) *world {
	t.Helper()
	open := func(url string, role store.Role) *store.Store {
		s, err := store.Open(t.Context(), store.Config{URL: url, Role: role, MaxConns: 4})
		require.NoError(t, err)
		t.Cleanup(s.Close)
		return s
	}
	url := storetest.New(t)
	return newWorld(t, open(url, store.Runtime), open(url, store.Operator))
}

func newWorld(t *testing.T, s core.Store, directory core.Directory) *world {
	t.Helper()
	secret, err := core.NewSecret([]byte("the secret of the moved world"))
	require.NoError(t, err)
	clock := func() time.Time { return now }
	service := core.NewService(s, secret, clock, core.NewIDSource())
	w := &world{operator: core.NewOperator(directory, secret, clock)}
	w.tenant, err = w.operator.CreateTenant(t.Context(), core.Tenant{
		Name: "moved", Refold: &core.RefoldAddress{OrgID: orgID, Environment: core.Test},
		CometChat: &core.CometChatAddress{AppID: appID, Region: "us"},
	})
	require.NoError(t, err)
	w.mapper = &mapping.Mapper{Tenant: w.tenant}

	o := dialects.Options{Logger: slog.New(slog.DiscardHandler), NewRequestID: core.NewUUID, Slots: dialects.NewSlots()}
	refoldBase := vendorhttptest.Serve(t, refold.New(service, refold.NewTokens(secret, refold.DefaultLifetimes), o))
	cometBase := vendorhttptest.Serve(t, cometchat.New(service, o))
	key := refold.NewAPIKey(core.Test)
	_, err = w.operator.CreateKey(t.Context(), w.tenant, core.Refold, key)
	require.NoError(t, err)
	w.refold = map[core.RefoldRevision]*refoldclient.Client{}
	for _, revision := range []core.RefoldRevision{core.RefoldLegacy, core.RefoldV3} {
		options := vendorhttptest.NewClock().Options(refoldBase)
		options.Header = http.Header{refold.RevisionHeader: {string(revision)}}
		w.refold[revision], err = refoldclient.New(options, refoldclient.Credentials{APIKey: vendorhttp.Secret(key), LinkedAccount: "u"})
		require.NoError(t, err)
	}
	key = cometchat.NewAPIKey()
	_, err = w.operator.CreateKey(t.Context(), w.tenant, core.CometChat, key)
	require.NoError(t, err)
	w.cometchat, err = cometclient.New(vendorhttptest.NewClock().Options(cometBase), cometclient.Credentials{APIKey: vendorhttp.Secret(key)})
	require.NoError(t, err)
	return w
}

// as reads a record of a text, as a client reads an answer.
func as[T any, P vendorhttp.Kept[T]](t require.TestingT, text string) *T {
	out, err := vendorhttp.Read[T, P](core.JSON(text))
	require.NoError(t, err)
	return out
}

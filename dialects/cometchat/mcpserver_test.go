package cometchat_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects/dialecttest"
)

// A change that can't be about a url that was read is one statement, as ever.
func TestAServerIsReadBeforeItsChangeOnlyWhereItsURLMayBeWhatIsShown(t *testing.T) {
	t.Parallel()
	d := dialecttest.NewDirect(t, dialect)
	d.World.Given(t, "refold server")
	at, ctx, acme := servers+"/"+d.World.Values["SLUG"], t.Context(), d.World.Acme
	uses := 0
	d.World.Store.Fail(func(context.Context) error { uses++; return nil })
	patch := func(body string, status, want int) {
		t.Helper()
		uses = 0
		require.Equal(t, status, d.Do(http.MethodPatch, at, body).Status, body)
		require.Equal(t, want, uses, body)
	}
	template := func(text string) {
		t.Helper()
		_, err := d.World.Operator.UpdateTenant(ctx, acme, core.TenantUpdate{URLTemplate: &text})
		require.NoError(t, err)
		d.World.Core.ForgetCredentials()
	}
	url := func() string {
		t.Helper()
		return d.Do(http.MethodGet, at, "").Member(t, "url")
	}

	patch(`{}`, http.StatusOK, 1)
	patch(`{"name":"Renamed"}`, http.StatusOK, 1)
	patch(`{"name":"Renamed","url":""}`, http.StatusOK, 2)
	patch(`{"name":"","url":null}`, http.StatusBadRequest, 0)
	patch(`{"url":7}`, http.StatusBadRequest, 0)

	template("https://one.example.com/{id}")
	shown := url()
	require.Contains(t, shown, "https://one.example.com/")
	patch(`{"name":"Renamed"}`, http.StatusOK, 1)
	patch(`{"name":"Once more","url":"`+shown+`"}`, http.StatusOK, 2)
	template("https://two.example.com:{slug}/")
	require.Equal(t, "https://two.example.com:crm-helper/", url(), "what was sent back is not the server's own")
	patch(`{"url":"https://two.example.com:crm-helper/"}`, http.StatusOK, 2)
	patch(`{"url":"https://two.example.com:other/"}`, http.StatusBadRequest, 1)
	template("")
	require.Empty(t, url())

	patch(`{"url":"http://localhost:3001"}`, http.StatusOK, 1)
	patch(`{"url":"http://localhost:3001"}`, http.StatusOK, 1)
	patch(`{"url":""}`, http.StatusBadRequest, 1)
	require.Equal(t, "http://localhost:3001", url())
}

// A move takes any text for a url, as the vendor does. Its clients go on with that.
func TestAURLThatWasMovedHereCanBeSentBackAndNoOtherLikeItBeGiven(t *testing.T) {
	t.Parallel()
	d := dialecttest.NewDirect(t, dialect)
	at := dialecttest.Epoch
	_, err := d.World.Operator.ImportMCPServer(t.Context(), d.World.Acme, core.MCPServer{
		Slug: "local", Name: "Local", URL: "stdio:weather", CreatedAt: at, UpdatedAt: at,
	})
	require.NoError(t, err)
	const local = servers + "/local"
	require.Equal(t, http.StatusOK, d.Do(http.MethodPatch, local, `{"name":"Renamed","url":"stdio:weather"}`).Status)
	require.Equal(t, http.StatusBadRequest, d.Do(http.MethodPatch, local, `{"name":"Once more","url":"stdio:other"}`).Status)
	read := d.Do(http.MethodGet, local, "")
	require.Equal(t, "stdio:weather", read.Member(t, "url"))
	require.Equal(t, "Renamed", read.Member(t, "name"))
}

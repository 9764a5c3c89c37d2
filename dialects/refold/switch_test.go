package refold_test

import (
	"net/http"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects/dialecttest"
)

// A tenant's revision says how its clients are answered; what is kept stays.
func TestATenantThatGoesToV3AndBackIsAnsweredAsBefore(t *testing.T) {
	t.Parallel()
	d := dialecttest.NewDirect(t, dialect)
	d.World.Given(t, "server of both revisions")
	at := servers + "/" + d.World.Values["ID"]
	answers := func() (out []string) {
		for _, target := range []string{servers, at, servers + "/686e2393750d509493c6d87d"} {
			// Only the request id differs from time to time.
			body := d.Do(http.MethodGet, target, "").Body
			out = append(out, regexp.MustCompile(`"request_id":"[^"]*"`).ReplaceAllString(string(body), ""))
		}
		return out
	}
	become := func(to core.RefoldRevision) {
		_, err := d.World.Operator.UpdateTenant(t.Context(), d.World.Acme, core.TenantUpdate{RefoldRevision: &to})
		require.NoError(t, err)
	}
	legacy := answers()
	become(core.RefoldV3)
	v3 := answers()
	for i := range v3 {
		require.NotEqual(t, legacy[i], v3[i])
	}
	become(core.RefoldLegacy)
	require.Equal(t, legacy, answers())
	become(core.RefoldV3)
	require.Equal(t, v3, answers())

	require.Equal(t, http.StatusOK, d.Do(http.MethodPut, at, `{"description":"changed in v3"}`).Status)
	become(core.RefoldLegacy)
	require.Contains(t, answers()[1], `"resources":[{"uri":"file:///r"}]`)
	require.Equal(t, http.StatusOK, d.Do(http.MethodPut, at, `{"description":"changed in legacy"}`).Status)
	become(core.RefoldV3)
	changed := answers()[1]
	require.Contains(t, changed, `"notebooks":["n1","n2"]`)
	require.Contains(t, changed, `"agent_name":"CRM Assistant","primary_color":"#2D6CDF","secondary_color":"","base_prompt":"Be kind.","safe_mode":false`)
	require.Contains(t, changed, `"description":"changed in legacy"`)
	require.Equal(t, http.StatusOK, d.Do(http.MethodDelete, at, "").Status)
}

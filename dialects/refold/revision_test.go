package refold

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

func TestTheHeaderAsksForOneOfTheRevisionsThereAre(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]core.RefoldRevision{
		"v3": core.RefoldV3, "legacy": core.RefoldLegacy,
		"": "the tenant's", "V3": "the tenant's", "v2": "the tenant's", "v3, legacy": "the tenant's", " v3": "the tenant's",
	} {
		require.Equal(t, want, asked(http.Header{RevisionHeader: {value}}, "the tenant's"), "%q", value)
	}
	require.Equal(t, core.RefoldV3, asked(http.Header{RevisionHeader: {"v3", "legacy"}}, "the tenant's"))
	require.Equal(t, core.RefoldRevision("the tenant's"), asked(http.Header{}, "the tenant's"))
}

// Principals are remembered and shared between requests.
func TestAskingForARevisionChangesNothingForOthers(t *testing.T) {
	t.Parallel()
	shared := &core.Principal{KeyID: "k", Tenant: &core.Tenant{Name: "acme", RefoldRevision: core.RefoldLegacy}}
	who := forRequest(http.Header{RevisionHeader: {"v3"}}, shared)
	require.Equal(t, core.RefoldV3, who.Tenant.RefoldRevision)
	require.Equal(t, "acme", who.Tenant.Name)
	require.Equal(t, "k", who.KeyID)
	require.Equal(t, core.RefoldLegacy, shared.Tenant.RefoldRevision)
	require.Same(t, shared, forRequest(http.Header{}, shared))
	require.Same(t, shared, forRequest(http.Header{RevisionHeader: {"legacy"}}, shared))
}

func TestARevisionThatThisProgramDoesNotKnowIsLegacy(t *testing.T) {
	t.Parallel()
	require.Same(t, v3, revisionNamed(core.RefoldV3))
	require.Same(t, legacy, revisionNamed(core.RefoldLegacy))
	require.Same(t, legacy, revisionNamed("v4"))
}

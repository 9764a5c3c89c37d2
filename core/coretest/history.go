package coretest

import (
	"crypto/rand"
	"encoding/base64"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

// operate gives the use cases of an operator over the backend.
func operate(t *testing.T, b Backend, now core.Clock) *core.Operator {
	t.Helper()
	secret, err := core.NewSecret(core.RandomMaterial())
	require.NoError(t, err)
	return core.NewOperator(b, secret, now)
}

// afterwards gives a moment behind all that tests do, whole milliseconds.
func afterwards() time.Time { return time.Now().UTC().Add(time.Hour).Truncate(time.Millisecond) }

// odd is JSON that only text keeps as it came: repetitions, digits, halves of characters.
const odd = `[{"a":"\u0000 \ud800","n":1.00,"n":2,"nested":[[[{}]]]}]`

var serverHistories = []guarantee{
	{"a server is reverted to each revision it had", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "a")
		full := s.full()
		full.Resources = core.JSON(odd)
		revisions := []core.MCPServer{s.create(t, full)}
		for _, u := range []core.MCPServerUpdate{
			{Name: new("second"), Suggestions: core.JSON(odd), Branding: core.Branding{SafeMode: new(false)}},
			{Description: new(""), URL: new("https://example.com/other"), AssociatedApps: core.JSON(`[]`)},
			{Branding: core.Branding{BasePrompt: new("Be \u0001 brief.\u2028")}},
		} {
			m := core.Modification{MCPServerUpdate: u, UpdatedAt: epoch.Add(time.Minute), Chains: &[]core.Chain{{ID: s.newID(epoch), Fields: core.JSON(odd[1 : len(odd)-1])}}}
			revisions = append(revisions, s.update(t, core.ByID(full.ID), m))
		}
		bare := s.create(t, s.server("bare"))
		changed := s.update(t, core.ByID(bare.ID), core.Modification{MCPServerUpdate: core.MCPServerUpdate{Description: new("some"), Icon: new("https://e.com/i")}, UpdatedAt: epoch})
		at := afterwards()
		o := operate(t, b, func() time.Time { return at })
		head := int64(len(revisions))
		for i, want := range revisions {
			got, err := o.RevertMCPServer(t.Context(), s.tenant, core.ByID(full.ID), int64(i)+1)
			require.NoError(t, err)
			head++
			want.Revision, want.UpdatedAt = head, at
			equalServer(t, want, got)
			equalServer(t, want, s.read(t, core.BySlug(full.Slug)))
		}
		got, err := o.RevertMCPServer(t.Context(), s.tenant, core.BySlug(bare.Slug), 1)
		require.NoError(t, err)
		bare.Revision, bare.UpdatedAt = changed.Revision+1, at
		equalServer(t, bare, got)
		for _, revision := range []int64{0, -1, 100} {
			_, err := o.RevertMCPServer(t.Context(), s.tenant, core.ByID(bare.ID), revision)
			requireNotFound(t, err)
		}
		_, err = o.RevertMCPServer(t.Context(), s.tenant, core.ByID(s.newID(epoch)), 1)
		requireNotFound(t, err)
	}},
	{"a deleted server comes back where its tenant may have one more", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "a")
		gone := s.create(t, s.full())
		require.NoError(t, s.DeleteMCPServer(t.Context(), s.tenant.ID, core.ByID(gone.ID), core.Precondition{}))
		s.create(t, s.server("another"))
		o, limited := operate(t, b, afterwards), s.tenant
		for most, want := range map[int]core.Kind{1: core.OverQuota, 2: core.Internal} {
			limited.Limits.Servers = &most
			require.NoError(t, o.Rehearse(t.Context(), limited, func(o *core.Operator, _ core.Backend) error {
				_, err := o.UndeleteMCPServer(t.Context(), limited, gone.ID, core.KeepImagesFor)
				require.Equal(t, want == core.OverQuota, err != nil, "%v", err)
				require.Equal(t, want, core.KindOf(err))
				return nil
			}))
		}
	}},
	{"a revert by a clock that is behind doesn't turn the update time back", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "a")
		server := s.create(t, s.server("one"))
		changed := s.update(t, core.ByID(server.ID), core.Modification{UpdatedAt: afterwards()})
		o := operate(t, b, func() time.Time { return epoch })
		reverted, err := o.RevertMCPServer(t.Context(), s.tenant, core.ByID(server.ID), 1)
		require.NoError(t, err)
		equalTime(t, changed.UpdatedAt, reverted.UpdatedAt)
	}},
	{"a deleted server comes back as it was, for a set time", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "a")
		want := s.create(t, s.full())
		at := afterwards()
		o := operate(t, b, func() time.Time { return at })
		_, err := o.UndeleteMCPServer(t.Context(), s.tenant, want.ID, core.KeepImagesFor)
		require.True(t, core.IsConflictOn(err, "id"), "%v", err)
		require.NoError(t, s.DeleteMCPServer(t.Context(), s.tenant.ID, core.ByID(want.ID), core.Precondition{}))
		_, err = o.UndeleteMCPServer(t.Context(), s.tenant, want.ID, time.Minute)
		requireNotFound(t, err)
		_, err = o.UndeleteMCPServer(t.Context(), s.tenant, s.newID(epoch), core.KeepImagesFor)
		requireNotFound(t, err)
		other := newSuite(t, b, "b")
		_, err = o.UndeleteMCPServer(t.Context(), other.tenant, want.ID, core.KeepImagesFor)
		requireNotFound(t, err)

		got, err := o.UndeleteMCPServer(t.Context(), s.tenant, want.ID, core.KeepImagesFor)
		require.NoError(t, err)
		want.Revision, want.UpdatedAt = 2, at
		equalServer(t, want, got)
		equalServer(t, want, s.read(t, core.ByID(want.ID)))
		require.Equal(t, []string{"create mcp_server", "delete mcp_server", "undelete mcp_server"}, said(history(t, b, s.tenant.ID)))
		_, err = o.RevertMCPServer(t.Context(), s.tenant, core.ByID(want.ID), 1)
		require.NoError(t, err, "also to what it was before it was deleted")
	}},
	{"deleted servers are listed until they are back or forgotten", func(t *testing.T, b Backend) {
		s, other := newSuite(t, b, "a"), newSuite(t, b, "b")
		at := afterwards()
		o := operate(t, b, func() time.Time { return at })
		remove := func(of *suite, server core.MCPServer) {
			t.Helper()
			require.NoError(t, of.DeleteMCPServer(t.Context(), of.tenant.ID, core.ByID(server.ID), core.Precondition{}))
		}
		deleted := func(keep time.Duration, before int64, limit int) []core.DeletedMCPServer {
			t.Helper()
			list, err := o.DeletedMCPServers(t.Context(), s.tenant, keep, before, limit)
			require.NoError(t, err)
			return list
		}
		require.Empty(t, deleted(core.KeepImagesFor, 0, 10))
		_, err := o.MCPServerHistory(t.Context(), s.tenant, core.ByID(s.newID(epoch)), 0, 1)
		requireNotFound(t, err)
		s.create(t, s.server("stays"))
		list := []core.MCPServer{s.create(t, s.full()), s.create(t, s.server("two")), s.create(t, s.server("three"))}
		for _, server := range list {
			remove(s, server)
		}
		remove(other, other.create(t, other.server("another's")))
		found := deleted(core.KeepImagesFor, 0, 10)
		require.Len(t, found, 3)
		for i, d := range found {
			equalServer(t, toldApart(list[2-i]), d.MCPServer)
			require.WithinDuration(t, at, d.DeletedAt, 2*time.Hour)
		}
		require.Equal(t, found[:1], deleted(core.KeepImagesFor, 0, 1))
		require.Equal(t, found[1:], deleted(core.KeepImagesFor, found[0].Seq, 10))
		require.Empty(t, deleted(core.KeepImagesFor, found[2].Seq, 10))
		require.Empty(t, deleted(core.KeepImagesFor, 0, 0))
		require.Empty(t, deleted(time.Minute, 0, 10), "too long ago")

		back, err := o.UndeleteMCPServer(t.Context(), s.tenant, list[0].ID, core.KeepImagesFor)
		require.NoError(t, err)
		require.Equal(t, found[:2], deleted(core.KeepImagesFor, 0, 10))
		remove(s, back)
		again := deleted(core.KeepImagesFor, 0, 10)
		require.Equal(t, found[:2], again[1:], "each once, by its last deletion")
		equalServer(t, toldApart(back), again[0].MCPServer)
		_, err = o.EraseImages(t.Context(), time.Minute)
		require.NoError(t, err)
		require.Empty(t, deleted(core.KeepImagesFor, 0, 10), "nothing is known of them that could come back")
	}},
	{"a deleted server whose slug was taken doesn't come back", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "a")
		gone := s.create(t, s.server("one"))
		require.NoError(t, s.DeleteMCPServer(t.Context(), s.tenant.ID, core.ByID(gone.ID), core.Precondition{}))
		heir := s.server("two")
		heir.Slug = gone.Slug
		s.create(t, heir)
		_, err := operate(t, b, afterwards).UndeleteMCPServer(t.Context(), s.tenant, gone.ID, core.KeepImagesFor)
		require.True(t, core.IsConflictOn(err, "slug"), "%v", err)
		equalServers(t, []core.MCPServer{heir}, s.all(t))
	}},
	{"images are erased and the chain stays whole", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "a")
		server := s.create(t, s.server("one"))
		s.update(t, core.ByID(server.ID), core.Modification{UpdatedAt: epoch})
		o := operate(t, b, afterwards)
		head, err := o.VerifyChanges(t.Context(), s.tenant.ID, core.ChainHead{})
		require.NoError(t, err)
		require.EqualValues(t, 2, head.Seq)
		n, err := o.EraseImages(t.Context(), 2*time.Hour)
		require.NoError(t, err)
		require.Zero(t, n)
		n, err = o.EraseImages(t.Context(), time.Minute)
		require.NoError(t, err)
		require.Equal(t, 3, n, "the server's two, and that of the tenant's creation")
		for _, c := range history(t, b, s.tenant.ID) {
			require.Nil(t, c.Before)
			require.Nil(t, c.After)
		}
		_, err = o.VerifyChanges(t.Context(), s.tenant.ID, head)
		require.NoError(t, err)
		_, err = o.RevertMCPServer(t.Context(), s.tenant, core.ByID(server.ID), 1)
		requireNotFound(t, err)
		require.ErrorContains(t, err, "no longer kept")
	}},
	{"that images are erased is entered where they were, with who did it and up to when", func(t *testing.T, b Backend) {
		s, other := newSuite(t, b, "a"), newSuite(t, b, "b")
		for _, suite := range []*suite{s, other} {
			suite.create(t, suite.server("one"))
			suite.create(t, suite.server("two"))
		}
		auditor := &core.Actor{Kind: core.OperatorActor, ID: "auditor", RequestID: "request"}
		ctx := core.WithActor(t.Context(), auditor)
		until := afterwards()
		for range 6 { // two of the installation's, two of each tenant
			n, err := b.EraseImages(ctx, until, 1)
			require.NoError(t, err)
			require.Equal(t, 1, n)
		}
		n, err := b.EraseImages(ctx, until.Add(time.Second), 1000)
		require.NoError(t, err)
		require.Zero(t, n, "nor is there anything of what was entered")
		for _, id := range []core.TenantID{core.Installation, s.tenant.ID, other.tenant.ID} {
			all := history(t, b, id)
			require.Len(t, all, 3, "one entry, however often something was erased")
			pruned := slices.IndexFunc(all, func(c core.Change) bool { return c.Action == core.PruneAction })
			require.Positive(t, pruned)
			c := all[pruned]
			require.Equal(t, *auditor, c.Actor)
			require.Equal(t, core.ChangeNoun, c.Noun)
			require.Equal(t, core.ChangeTime(until), c.Record)
			require.Nil(t, c.BeforeDigest)
			require.Nil(t, c.AfterDigest)
		}
		server := s.create(t, s.server("three"))
		n, err = b.EraseImages(ctx, until.Add(time.Minute), 1000)
		require.NoError(t, err)
		require.Equal(t, 1, n)
		require.Len(t, history(t, b, s.tenant.ID), 5, server.Slug)
		require.Len(t, history(t, b, other.tenant.ID), 3, "nothing was erased there")
	}},
	{"a tenant's history may take so much and no more, whatever the others' takes", func(t *testing.T, b Backend) {
		s, other := newSuite(t, b, "a"), newSuite(t, b, "b")
		o := operate(t, b, afterwards)
		small := other.create(t, other.server("small"))
		server := s.create(t, s.server("large"))
		const each = 400_000 // of text that can't be made smaller
		random := make([]byte, each/4*3)
		for range 5 {
			_, _ = rand.Read(random) // it never fails
			_, err := s.UpdateMCPServer(t.Context(), s.tenant.ID, core.ByID(server.ID), core.Modification{
				MCPServerUpdate: core.MCPServerUpdate{Suggestions: core.JSON(`["` + base64.StdEncoding.EncodeToString(random) + `"]`)}, UpdatedAt: epoch,
			})
			require.NoError(t, err)
		}
		n, err := o.EraseImagesBeyond(t.Context(), 10*each)
		require.NoError(t, err)
		require.Zero(t, n)
		n, err = o.EraseImagesBeyond(t.Context(), 3*each) // the last update's two and what it replaced
		require.NoError(t, err)
		require.Equal(t, 5, n)
		list := history(t, b, s.tenant.ID)
		require.Equal(t, []string{
			"create mcp_server", "update mcp_server", "update mcp_server", "update mcp_server", "update mcp_server", "update mcp_server", "prune change",
		}, said(list))
		for i, c := range list[:6] {
			require.Equal(t, i == 5, c.After != nil, "the oldest go first")
		}
		require.Equal(t, core.ChangeTime(list[4].At.Add(time.Microsecond)), list[6].Record)
		n, err = o.EraseImagesBeyond(t.Context(), 3*each)
		require.NoError(t, err)
		require.Zero(t, n)
		for _, c := range history(t, b, other.tenant.ID) {
			require.Equal(t, small.ID.String(), c.Record)
			require.NotNil(t, c.After)
		}
		n, err = o.EraseImagesBeyond(t.Context(), 0)
		require.NoError(t, err)
		require.Equal(t, 2, n, "one of each")
		for _, c := range history(t, b, core.Installation) {
			require.True(t, c.Action == core.PruneAction || c.After != nil || c.Before != nil, "it is no tenant's")
		}
	}},
	{"nothing is entered of the pruning of a tenant that is being deleted", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "a")
		s.create(t, s.server("one"))
		_, err := b.SetTenantStatus(t.Context(), s.tenant.Name, core.TenantDeleting)
		require.NoError(t, err)
		before := history(t, b, s.tenant.ID)
		_, err = b.EraseImages(t.Context(), afterwards(), 1000)
		require.NoError(t, err)
		require.Len(t, history(t, b, s.tenant.ID), len(before))
	}},
}

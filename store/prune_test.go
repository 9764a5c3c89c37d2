package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store"
)

// prunings gives the entries of a tenant's prunings, and requires that its chain
// is whole.
func prunings(t *testing.T, o *core.Operator, tenant core.Tenant, head core.ChainHead) []core.Change {
	t.Helper()
	_, err := o.VerifyChanges(t.Context(), tenant.ID, head)
	require.NoError(t, err)
	list, err := o.Changes(t.Context(), tenant.ID, core.ChangeQuery{Noun: core.ChangeNoun, Action: core.PruneAction, Limit: 100})
	require.NoError(t, err)
	return list
}

// A history that was there before the migration, pruned by a program of before that
// runs beside those of now, as by psql, has entries all the same; one that was
// pruned before has none.
func TestProgramsOfBeforeAndPsqlArePutOnRecordWhenTheyPrune(t *testing.T) {
	t.Parallel()
	databaseURL, o, tenant, head := audited(t)
	const prune = `UPDATE change c SET before = NULL, after = NULL
		FROM (
			SELECT tenant_id, seq FROM change
			WHERE at < now() + interval '1 hour' AND (before IS NOT NULL OR after IS NOT NULL)
			ORDER BY at LIMIT 2
			FOR NO KEY UPDATE SKIP LOCKED
		) AS old
		WHERE c.tenant_id = old.tenant_id AND c.seq = old.seq`
	conn := connect(t, databaseURL)
	require.NoError(t, store.Down(t.Context(), databaseURL, 1))
	exec(t, conn, prune)
	require.NoError(t, store.Up(t.Context(), databaseURL))
	require.Empty(t, prunings(t, o, tenant, head))

	exec(t, conn, "BEGIN; SET LOCAL ROLE diglot_operator; SET LOCAL app.actor = E'operator\\n\\nrequest\\nalice'; "+prune+"; COMMIT")
	exec(t, conn, prune)
	exec(t, conn, prune)
	list := prunings(t, o, tenant, head)
	require.Len(t, list, 2, "the last one found nothing")
	require.Equal(t, core.Actor{Kind: core.OperatorActor, ID: "alice", RequestID: "request"}, list[0].Actor)
	require.Equal(t, core.DatabaseActor, list[1].Kind)
	all, err := o.Changes(t.Context(), tenant.ID, core.ChangeQuery{Limit: 100})
	require.NoError(t, err)
	for i, last := range []int64{3, 5} { // before the migration went the tenant's creation and its own first entry
		require.Equal(t, core.ChangeTime(all[last-1].At.Add(time.Microsecond)), list[i].Record)
	}

	require.NoError(t, store.Down(t.Context(), databaseURL, 1))
	_, err = o.VerifyChanges(t.Context(), tenant.ID, head)
	require.NoError(t, err, "they stay")
}

// What is erased and the entry of it are one transaction.
func TestAPruningThatFailsHasNoEntry(t *testing.T) {
	t.Parallel()
	databaseURL, o, tenant, head := audited(t)
	exec(t, connect(t, databaseURL), "BEGIN; UPDATE change SET before = NULL, after = NULL; ROLLBACK")
	require.Empty(t, prunings(t, o, tenant, head))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := o.EraseImages(ctx, 0)
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, prunings(t, o, tenant, head))
}

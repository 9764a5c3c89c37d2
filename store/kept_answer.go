package store

import (
	"context"
	"time"

	"github.com/diglot/diglot/core"
)

// keptColumns are read by [row.toKeptAnswer], in this order.
const keptColumns = `digest, status, body, version, view`

func (r *row) toKeptAnswer() (a core.KeptAnswer) {
	copy(a.Digest[:], r.next())
	a.Status = int(r.int())
	a.Body = append([]byte{}, r.next()...)
	a.Version, a.View = core.Version(r.text()), r.text()
	return a
}

var keptAnswer = prepared("kept_answer",
	`SELECT `+keptColumns+` FROM kept_answer WHERE tenant_id = $1 AND scope = $2 AND key = $3 AND expires_at > $4`)

// KeptAnswer implements [core.Store].
func (s *Store) KeptAnswer(
	ctx context.Context, tenant core.TenantID, scope, key string, at time.Time,
) (a core.KeptAnswer, err error) {
	found := false
	err = s.inTenant(ctx, tenant, beginRead, &call{
		stmt: keptAnswer,
		args: [][]byte{uuidArg(tenant), accountIDArg(scope), accountIDArg(key), timeArg(at)},
		each: func(r *row) error {
			found, a = true, r.toKeptAnswer()
			return nil
		},
	})
	if err == nil && !found {
		return a, notFound("idempotency_key")
	}
	return a, wrap(err, "idempotency_key", "select kept_answer")
}

var (
	// deleteExpiredAnswers keeps the table from growing beyond what was answered
	// lately, as that of sessions is kept: each creation removes more than it adds,
	// and its own key's answer, which is in its way.
	deleteExpiredAnswers = prepared("delete_expired_answers", `
		DELETE FROM kept_answer k
		USING (
			SELECT scope, key FROM kept_answer
			WHERE tenant_id = $1 AND expires_at <= $2 AND status >= 0
			ORDER BY expires_at LIMIT 10
			FOR UPDATE SKIP LOCKED
		) AS expired
		WHERE k.tenant_id = $1 AND k.scope = expired.scope AND k.key = expired.key`)
	deleteExpiredAnswer = prepared("delete_expired_answer",
		`DELETE FROM kept_answer WHERE tenant_id = $1 AND scope = $3 AND key = $4 AND expires_at <= $2`)
)

const (
	insertKept = `INSERT INTO kept_answer (tenant_id, scope, key, ` + keptColumns + `, expires_at)
		SELECT $1::uuid, $2::text, $3::text, $4::bytea, $5::bigint, $6::bytea, $7::text, $8::text, $9::timestamptz `
)

// An answer is kept of what the statement before it added; where that added
// nothing, it isn't.
var (
	keepServerAnswer = prepared("keep_mcp_server_answer",
		insertKept+`FROM mcp_server WHERE tenant_id = $1 AND id = $10`)
	keepAgentAnswer = prepared("keep_agent_answer",
		insertKept+`FROM agent WHERE tenant_id = $1 AND uid = $10`)
	keepAccountAnswer = prepared("keep_account_answer",
		insertKept+`FROM linked_account WHERE tenant_id = $1 AND id = $10`)
)

// keepCalls gives what is to run behind the insertion of a record that is to be
// created once: nothing, for one that is not.
func keepCalls(ctx context.Context, tenant core.TenantID, keep *statement, id []byte, record any) ([]*call, error) {
	o := core.OnceOf(ctx)
	if o == nil {
		return nil, nil
	}
	a, err := o.Kept(record)
	if err != nil {
		return nil, err
	}
	t, scope, key := uuidArg(tenant), accountIDArg(o.Scope), accountIDArg(o.Key)
	return []*call{
		{stmt: deleteExpiredAnswer, args: [][]byte{t, timeArg(o.At), scope, key}},
		{stmt: keep, args: [][]byte{
			t, scope, key, a.Digest[:], intArg(int64(a.Status)), a.Body, textArg(string(a.Version)), textArg(a.View),
			timeArg(o.At.Add(core.KeepAnswersFor)), id,
		}},
		{stmt: deleteExpiredAnswers, args: [][]byte{t, timeArg(o.At)}},
	}, nil
}

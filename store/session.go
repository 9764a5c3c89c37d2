package store

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/diglot/diglot/core"
)

// sessionColumns are read by [row.toSession], in this order.
const sessionColumns = `account, issued_at, expires_at, key_id, refresh_expires_at`

func (r *row) toSession() core.Session {
	return core.Session{
		SessionID:        core.SessionID{Account: r.text(), IssuedAt: r.int(), ExpiresAt: r.int(), KeyID: r.text()},
		RefreshExpiresAt: r.int(),
	}
}

// sessionArgs are a session's key, behind the tenant. Text that PostgreSQL
// would call an error becomes null, which nothing equals.
func sessionArgs(tenant core.TenantID, id core.SessionID) [][]byte {
	return [][]byte{
		uuidArg(tenant), accountIDArg(id.Account), intArg(id.IssuedAt), intArg(id.ExpiresAt), accountIDArg(id.KeyID),
	}
}

// enterSession takes the place of set_tenant in what is done by a
// session: it fails, and all behind it with it, where the session has ended.
var enterSession = prepared("enter_session", `SELECT enter_session($1, $2, $3, $4, $5)`)

// enter gives the call that a transaction of the tenant's begins with; actor is
// who changes something in it, nil where nobody does or it isn't known.
func enter(tenant core.TenantID, use *core.SessionUse, actor []byte) *call {
	switch {
	case use == nil && actor == nil:
		return &call{stmt: setTenant, args: [][]byte{textArg(string(tenant))}}
	case use == nil:
		return &call{stmt: enterActing, args: [][]byte{textArg(string(tenant)), actor}}
	case actor == nil:
		return &call{stmt: enterSession, args: sessionArgs(tenant, use.ID)}
	}
	return &call{stmt: enterSessionActing, args: append(sessionArgs(tenant, use.ID), actor)}
}

var setTenant = prepared("set_tenant", `SELECT set_config('app.tenant_id', $1, true)`)

var parameter = regexp.MustCompile(`\$\d+`)

// preparedRead is prepared for a statement that reads, alone in its
// transaction, of the tenant $1, and whose first column is never null.
//
// Reads by a session are the most frequent requests, and enter_session would
// take as long as what is wanted. So the session is asked for in the same
// statement: where it has ended there is no row, where it lives there is one, of
// nulls where nothing was found.
func preparedRead(name, sql string) *statement {
	st, n := prepared(name, sql), 0
	for _, p := range parameter.FindAllString(sql, -1) {
		i, _ := strconv.Atoi(p[1:]) // digits
		n = max(n, i)
	}
	st.bySession = prepared(name+"_by_session", fmt.Sprintf(`
		SELECT found.* FROM session_token s LEFT JOIN LATERAL (%s) AS found ON true
		WHERE s.tenant_id = $1 AND s.account = $%d AND s.issued_at = $%d AND s.expires_at = $%d AND s.key_id = $%d
		  AND %s`, sql, n+1, n+2, n+3, n+4, lives))
	return st
}

// lives is what a session s lives by; enter_session and session_lives have it
// in words of their own. It asks for what is not revoked in words that the index
// of those has not: that would do for two of the primary key's five columns.
const lives = `COALESCE(s.revoked_at, 'infinity') = 'infinity'
	AND EXISTS (SELECT FROM linked_account a WHERE a.tenant_id = s.tenant_id AND a.id = s.account AND a.object_id = s.account_object_id)
	AND EXISTS (SELECT FROM signing_key k WHERE k.id = s.key_id AND k.retired_at IS NULL)`

// readBySession runs a read that has such a form, without statements to begin
// and end its transaction: they take as long as the session does.
func readBySession(ctx context.Context, pg *pgconn.PgConn, tenant core.TenantID, use *core.SessionUse, read *call) error {
	alive := false
	err := send(ctx, pg, []*call{enter(tenant, nil, nil), {
		stmt: read.stmt.bySession, args: append(read.args[:len(read.args):len(read.args)], sessionArgs(tenant, use.ID)[1:]...),
		read: read.read,
		each: func(r *row) error {
			alive = true
			if r.values[0] == nil {
				return nil
			}
			return read.each(r)
		},
	}})
	switch {
	case err != nil:
		return err
	case !alive:
		return core.ErrSessionEnded
	}
	use.Confirm()
	return nil
}

var ownerOfSession = `SELECT ` + tenantColumnsOf("o") + ` FROM owner_of_session($1, $2, $3, $4, $5, $6) o`

// SessionOwner implements [core.Store].
func (s *Store) SessionOwner(ctx context.Context, address core.RefoldAddress, id core.SessionID) (core.Tenant, error) {
	if !core.ValidText(address.OrgID) || !core.ValidText(id.Account) || !core.ValidText(id.KeyID) {
		return core.Tenant{}, notFound("session") // PostgreSQL would call such text an error; nothing can have it
	}
	// Its token is genuine, or there would be no look-up: all of an address are one.
	t, err := s.lookUp(ctx, string(address.Environment)+" "+address.OrgID, nil, ownerOfSession,
		address.OrgID, string(address.Environment), id.Account, id.IssuedAt, id.ExpiresAt, id.KeyID)
	return t, wrap(err, "session", "select owner of session_token")
}

var (
	// holdAccount lets one request at a time issue a session of the account; it
	// is a statement of its own so that the next one sees what others did before.
	holdAccount = prepared("hold_account",
		`SELECT 1 FROM linked_account WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE`)

	// deleteExpiredSessions and deleteRevokedSessions keep the table from growing
	// beyond what was issued lately: each request removes more than it adds.
	deleteExpiredSessions = deleteSessions("expired", `refresh_expires_at < $2 AND refresh_expires_at >= 0`, `refresh_expires_at`)
	deleteRevokedSessions = deleteSessions("revoked", `issued_at < $2 AND revoked_at IS NOT NULL`, `issued_at`)

	// issueSession gives the newest session that lives until $7, else one that is
	// asked for now: with the least expiry, from the wanted one on, that no session
	// had which has ended. Where one that lives has that, it is the one: a token of
	// the same words is the same. Whoever holds the account adds alone.
	issueSession = prepared("issue_session", `
		WITH held AS MATERIALIZED (
			SELECT tenant_id, id, object_id FROM linked_account WHERE tenant_id = $1 AND id = $2
		), reused AS (
			SELECT newest.* FROM held, signing_key k, LATERAL (
				SELECT `+sessionColumns+` FROM session_token s
				WHERE s.tenant_id = $1 AND s.account = $2 AND s.account_object_id = held.object_id AND s.key_id = k.id
				  AND s.revoked_at IS NULL AND s.expires_at >= $7
				ORDER BY s.issued_at DESC, s.expires_at DESC LIMIT 1
			) AS newest
			WHERE NOT $6::boolean AND k.retired_at IS NULL
			ORDER BY newest.issued_at DESC, newest.expires_at DESC LIMIT 1
		), signing AS MATERIALIZED (
			SELECT COALESCE((SELECT id FROM signing_key WHERE retired_at IS NULL ORDER BY created_at DESC, id DESC LIMIT 1), '') AS id
		), ended AS MATERIALIZED (
			SELECT s.expires_at FROM held, signing, session_token s
			WHERE s.tenant_id = $1 AND s.account = $2 AND s.issued_at = $3 AND s.expires_at >= $4 AND s.key_id = signing.id
			  AND (COALESCE(s.revoked_at, 'infinity') <> 'infinity' OR s.account_object_id <> held.object_id)
		), free AS (
			SELECT min(f.expires_at) AS expires_at
			FROM (SELECT $4::bigint AS expires_at UNION ALL SELECT expires_at + 1 FROM ended) AS f
			WHERE f.expires_at NOT IN (SELECT expires_at FROM ended)
		), issued AS (
			INSERT INTO session_token AS s (tenant_id, `+sessionColumns+`, account_object_id)
			SELECT held.tenant_id, held.id, $3::bigint, free.expires_at, signing.id,
				$5::bigint + free.expires_at - $4::bigint, held.object_id
			FROM held, signing, free
			WHERE NOT EXISTS (SELECT FROM reused)
			ON CONFLICT ON CONSTRAINT session_token_pkey DO UPDATE SET refresh_expires_at = s.refresh_expires_at
			RETURNING `+sessionColumns+`
		)
		SELECT `+sessionColumns+` FROM reused UNION ALL SELECT `+sessionColumns+` FROM issued`)
)

// deleteSessions removes some of the tenant's sessions, the first in an order.
// It waits for nobody.
func deleteSessions(which, condition, order string) *statement {
	return prepared("delete_"+which+"_sessions", `
		DELETE FROM session_token s
		USING (
			SELECT account, issued_at, expires_at, key_id FROM session_token
			WHERE tenant_id = $1 AND `+condition+`
			ORDER BY `+order+` LIMIT 10
			FOR UPDATE SKIP LOCKED
		) AS old
		WHERE s.tenant_id = $1 AND s.account = old.account AND s.issued_at = old.issued_at
		  AND s.expires_at = old.expires_at AND s.key_id = old.key_id`)
}

// IssueSession implements [core.Store] and [core.Directory].
func (s *Store) IssueSession(ctx context.Context, tenant core.TenantID, r core.SessionRequest) (core.Session, error) {
	var issued *core.Session
	account := accountIDArg(r.Account)
	err := s.inTenant(ctx, tenant, begin,
		&call{stmt: holdAccount, args: [][]byte{uuidArg(tenant), account}},
		&call{stmt: deleteExpiredSessions, args: [][]byte{uuidArg(tenant), intArg(r.ExpiredBefore)}},
		&call{stmt: deleteRevokedSessions, args: [][]byte{uuidArg(tenant), intArg(r.RevokedIssuedBefore)}},
		&call{stmt: issueSession, args: [][]byte{
			uuidArg(tenant), account, intArg(r.IssuedAt), intArg(r.ExpiresAt), intArg(r.RefreshExpiresAt),
			boolArg(r.Fresh), intArg(r.ReusableUntil),
		}, each: func(r *row) error {
			issued = new(r.toSession())
			return nil
		}})
	switch {
	case err != nil:
		return core.Session{}, wrap(err, "session", "insert session_token")
	case issued == nil:
		return core.Session{}, notFound("account")
	}
	return *issued, nil
}

var revokeSession = prepared("revoke_session", `
	UPDATE session_token s SET revoked_at = $6
	WHERE tenant_id = $1 AND account = $2 AND issued_at = $3 AND expires_at = $4 AND key_id = $5
	  AND `+lives)

// RevokeSession implements [core.Store] and [core.Directory].
func (s *Store) RevokeSession(ctx context.Context, tenant core.TenantID, id core.SessionID, at time.Time) error {
	revoke := &call{stmt: revokeSession, args: append(sessionArgs(tenant, id), timeArg(at))}
	if err := s.inTenant(ctx, tenant, begin, revoke); err != nil {
		return wrap(err, "session", "revoke session_token")
	}
	if revoke.tag.RowsAffected() == 0 {
		return notFound("session")
	}
	return nil
}

var revokeSessions = prepared("revoke_sessions", `
	UPDATE session_token s SET revoked_at = $4
	WHERE tenant_id = $1 AND account = $2 AND expires_at > $3
	  AND `+lives)

// RevokeSessions implements [core.Directory]. It holds the account as
// IssueSession does, so that it finds what is being issued.
func (s *Store) RevokeSessions(ctx context.Context, tenant core.TenantID, account string, at time.Time) (int, error) {
	found := false
	hold := &call{stmt: holdAccount, args: [][]byte{uuidArg(tenant), accountIDArg(account)}, each: func(*row) error {
		found = true
		return nil
	}}
	revoke := &call{stmt: revokeSessions, args: [][]byte{uuidArg(tenant), accountIDArg(account), intArg(at.Unix()), timeArg(at)}}
	if err := s.inTenant(ctx, tenant, begin, hold, revoke); err != nil {
		return 0, wrap(err, "session", "revoke session_tokens")
	}
	if !found {
		return 0, notFound("account")
	}
	return int(revoke.tag.RowsAffected()), nil
}

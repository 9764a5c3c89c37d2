package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects/refold"
)

// The tenants' accounts have the same ids.
var modelAccounts = rapid.SampledFrom([]string{"ann", "bob", "user"})

func (tn *modelTenant) account(id string) *core.Account {
	for _, a := range tn.accounts {
		if a.ID == id {
			return a
		}
	}
	return nil
}

func (tn *modelTenant) asAccount(a *core.Account) map[string]any {
	v := map[string]any{
		"_id": a.ObjectID.String(), "associated_org": tn.Refold.OrgID, "account_id": a.ID, "environment": "test", "udf": []any{},
		"createdAt": a.CreatedAt.Format(isoMillis), "updatedAt": a.UpdatedAt.Format(isoMillis), "__v": float64(a.Version),
	}
	if a.Name != nil {
		v["name"] = *a.Name
	}
	return v
}

// addAccount adds one as it was made now; its object id is in the answer.
func (m *model) addAccount(t *rapid.T, tn *modelTenant, r reply, id string, name *string, version int64) *core.Account {
	var body struct {
		ID string `json:"_id"`
	}
	require.NoError(t, json.Unmarshal([]byte(r.body), &body))
	object, ok := core.ParseObjectID(body.ID)
	require.True(t, ok, r.body)
	a := &core.Account{Tenant: tn.ID, ID: id, ObjectID: object, Name: name, CreatedAt: m.today(), UpdatedAt: m.today(), Version: version}
	tn.accounts = append(tn.accounts, a)
	slices.SortFunc(tn.accounts, func(a, b *core.Account) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), bytes.Compare(a.ObjectID[:], b.ObjectID[:]))
	})
	tn.changed(core.CreateAction, core.AccountNoun, id)
	return a
}

func (m *model) createAccount(t *rapid.T) {
	tn := m.tenant(t)
	c := m.byKey(t, tn, core.Refold)
	id := modelAccounts.Draw(t, "account")
	r, isNew, keep := m.once(t, c, "create_linked_account", linkedAccount, `{"linked_account_id":"`+id+`","name":"`+tn.mark+`"}`)
	switch {
	case !isNew:
	case tn.account(id) != nil:
		require.Equal(t, http.StatusBadRequest, r.status)
	default:
		require.Equal(t, http.StatusOK, r.status)
		requireBody(t, tn.asAccount(m.addAccount(t, tn, r, id, new(tn.mark), 1)), r)
		keep()
	}
}

func (m *model) upsertAccount(t *rapid.T) {
	tn := m.tenant(t)
	c := m.byEither(t, tn)
	id, name := cmp.Or(c.account, modelAccounts.Draw(t, "account")), tn.mark+" "+modelNames.Draw(t, "name")
	r, known := m.send(t, c, http.MethodPut, linkedAccount, `{"linked_account_id":"`+id+`","name":"`+name+`"}`)
	if !known {
		return
	}
	require.Equal(t, http.StatusOK, r.status)
	a := tn.account(id)
	isNew := a == nil
	if isNew {
		require.Empty(t, c.account, "a token makes no account")
		a = m.addAccount(t, tn, r, id, &name, 0)
	} else {
		was := *a
		a.Name, a.UpdatedAt = &name, later(a.UpdatedAt, m.today())
		if *was.Name != *a.Name || !was.UpdatedAt.Equal(a.UpdatedAt) {
			tn.changed(core.UpdateAction, core.AccountNoun, id)
		}
	}
	want := tn.asAccount(a)
	want["new_account"] = isNew
	requireBody(t, want, r)
}

func (m *model) readAccount(t *rapid.T) {
	tn := m.tenant(t)
	c := m.byEither(t, tn)
	id := modelAccounts.Draw(t, "account")
	r, known := m.send(t, c, http.MethodGet, linkedAccount+"/"+id, "")
	a := tn.account(id)
	if known && done(t, r, a != nil && (c.account == "" || c.account == id), true) {
		requireBody(t, tn.asAccount(a), r)
	}
}

func (m *model) deleteAccount(t *rapid.T) {
	tn := m.tenant(t)
	c := m.byKey(t, tn, core.Refold)
	id := modelAccounts.Draw(t, "account")
	r, known := m.send(t, c, http.MethodDelete, linkedAccount+"/"+id, "")
	if !known {
		return
	}
	a := tn.account(id)
	if a == nil {
		require.Equal(t, http.StatusInternalServerError, r.status) // the legacy revision's
		return
	}
	require.Equal(t, http.StatusOK, r.status)
	tn.accounts = slices.DeleteFunc(tn.accounts, func(other *core.Account) bool { return other == a })
	tn.changed(core.DeleteAction, core.AccountNoun, id)
}

func (m *model) pageAccounts(t *rapid.T) {
	tn := m.tenant(t)
	page, limit := rapid.IntRange(1, 3).Draw(t, "page"), rapid.IntRange(1, 3).Draw(t, "limit")
	r, known := m.send(t, m.byKey(t, tn, core.Refold), http.MethodGet, fmt.Sprintf("%s?page=%d&limit=%d", linkedAccount, page, limit), "")
	if !known {
		return
	}
	var all []any
	for _, a := range tn.accounts {
		v := tn.asAccount(a)
		v["integrations"] = []any{}
		all = append(all, v)
	}
	requirePage(t, r, all, page, limit)
}

// modelSession is a session and its token.
type modelSession struct {
	core.SessionID

	tenant  *modelTenant
	of      *core.Account // as it was when the session was issued: one made again is another
	revoked bool
	token   string
}

func (s *modelSession) lives() bool { return !s.revoked && s.tenant.account(s.Account) == s.of }

// The default lifetimes, and how much one must have left to be given again.
const (
	sessionLifetime = 24 * time.Hour
	sessionLeft     = time.Minute
)

func (m *model) bySession(s *modelSession) caller {
	return caller{
		tenant: s.tenant, known: s.tenant.Status == core.TenantActive && s.lives() && m.now().Unix() < s.ExpiresAt,
		headers: []string{"Authorization", "Bearer " + s.token, refold.RevisionHeader, string(core.RefoldLegacy)},
		scope:   "account " + s.Account, account: s.Account,
	}
}

// issue says which session a request for one gets.
func (m *model) issue(t *rapid.T, tn *modelTenant, account *core.Account, fresh bool) *modelSession {
	now := m.now().Unix()
	for _, s := range slices.Backward(tn.sessions) {
		if !fresh && s.Account == account.ID && s.lives() && s.ExpiresAt >= now+int64(sessionLeft/time.Second) {
			return s
		}
	}
	id := core.SessionID{Account: account.ID, IssuedAt: now, ExpiresAt: now + int64(sessionLifetime/time.Second)}
	for i := 0; i < len(tn.sessions); i++ {
		switch s := tn.sessions[i]; {
		case s.SessionID != id:
		case s.lives():
			return s
		default: // nobody gets again what has ended
			id.ExpiresAt++
			i = -1
		}
	}
	s := &modelSession{SessionID: id, tenant: tn, of: account}
	var err error
	s.token, err = m.tokens.Token(*tn.Refold, id)
	require.NoError(t, err)
	tn.sessions = append(tn.sessions, s)
	tn.changed(core.IssueAction, core.SessionNoun, account.ID)
	return s
}

func (m *model) issueSession(t *rapid.T) {
	tn := m.tenant(t)
	id, fresh := modelAccounts.Draw(t, "account"), rapid.Bool().Draw(t, "fresh")
	r, known := m.send(t, m.byKey(t, tn, core.Refold), http.MethodPost, fmt.Sprintf("%s?force_refresh=%t", sessionToken, fresh),
		`{"linked_account_id":"`+id+`"}`)
	if !known {
		return
	}
	account := tn.account(id)
	if account == nil {
		require.Equal(t, http.StatusInternalServerError, r.status) // the legacy revision's
		return
	}
	require.Equal(t, http.StatusOK, r.status)
	requireBody(t, map[string]any{"token": m.issue(t, tn, account, fresh).token}, r)
}

// anySession gives one of the newest of a tenant's, nil where there is none.
func anySession(t *rapid.T, tn *modelTenant) *modelSession {
	if len(tn.sessions) == 0 {
		return nil
	}
	return rapid.SampledFrom(tn.sessions[max(0, len(tn.sessions)-3):]).Draw(t, "session")
}

func (m *model) readSession(t *rapid.T) {
	tn := m.tenant(t)
	if s := anySession(t, tn); s != nil {
		if r, known := m.send(t, m.bySession(s), http.MethodGet, refold.Prefix+"/session/active-linked-account", ""); known {
			require.Equal(t, http.StatusOK, r.status)
			requireBody(t, tn.asAccount(s.of), r)
		}
	}
}

func (m *model) revokeSession(t *rapid.T) {
	tn := m.tenant(t)
	if s := anySession(t, tn); s != nil {
		if r, known := m.send(t, m.bySession(s), http.MethodPost, sessionToken+"/revoke", ""); known {
			requireBody(t, map[string]any{"success": true, "revoked_count": 1.0}, r)
			s.revoked = true
			tn.changed(core.RevokeAction, core.SessionNoun, s.Account)
		}
	}
}

package store

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/diglot/diglot/core"
)

// As with servers, a statement that finds accounts otherwise than by id
// repeats the condition of the index it is for (version >= 0).

// accountColumns are read by [row.toAccount], in this order.
const accountColumns = `id, object_id, name, udf, created_at, updated_at, version`

func (r *row) toAccount(tenant core.TenantID) (a core.Account, err error) {
	a.Tenant, a.ID = tenant, r.text()
	copy(a.ObjectID[:], r.next())
	a.Name = r.optText()
	if a.Fields, err = fieldsToCore(r.next()); err != nil {
		return core.Account{}, err
	}
	a.CreatedAt, a.UpdatedAt, a.Version = r.time(), r.time(), r.int()
	return a, nil
}

// accountsCall runs a statement that gives accounts, to be found in the result
// once it ran.
func accountsCall(tenant core.TenantID, stmt *statement, args ...[]byte) (*call, *[]core.Account) {
	var accounts records[core.Account]
	return &call{stmt: stmt, args: args, read: &accounts, each: func(r *row) error {
		a, err := r.toAccount(tenant)
		accounts = append(accounts, a)
		return err
	}}, (*[]core.Account)(&accounts)
}

func oneAccount(accounts []core.Account) (core.Account, error) {
	if len(accounts) == 0 {
		return core.Account{}, notFound("account")
	}
	return accounts[0], nil
}

// accountIDArg gives null, which nothing equals, for text that PostgreSQL would
// call an error.
func accountIDArg(id string) []byte {
	if !core.ValidText(id) {
		return nil
	}
	return textArg(id)
}

func accountArgs(a *core.Account) ([][]byte, error) {
	udf, err := fieldsArg(a.Fields)
	return [][]byte{
		uuidArg(a.Tenant), textArg(a.ID), a.ObjectID[:], optTextArg(a.Name), udf,
		timeArg(a.CreatedAt), timeArg(a.UpdatedAt), intArg(a.Version),
	}, err
}

const insertAccount = `INSERT INTO linked_account (tenant_id, ` + accountColumns + `)
	VALUES ($1::uuid, $2::text, $3::bytea, $4::text, $5::json, $6::timestamptz, $7::timestamptz, $8::bigint)`

var (
	createAccount = prepared("create_account", insertAccount)
	upsertAccount = prepared("upsert_account", insertAccount+`
	ON CONFLICT (tenant_id, id) DO UPDATE SET
		name       = COALESCE(excluded.name, linked_account.name),
		udf        = COALESCE(excluded.udf, linked_account.udf),
		updated_at = GREATEST(linked_account.created_at, linked_account.updated_at, excluded.updated_at),
		version    = linked_account.version + CASE WHEN excluded.udf IS NULL THEN 0 ELSE 1 END
	RETURNING `+accountColumns)

	// updateAccount is upsertAccount by a session: where its account is gone, or
	// is another of that id, it must not make one or change that.
	updateAccount = prepared("update_account", `
	UPDATE linked_account SET
		name       = COALESCE($3::text, name),
		udf        = COALESCE($4::json, udf),
		updated_at = GREATEST(created_at, updated_at, $5::timestamptz),
		version    = version + CASE WHEN $4::json IS NULL THEN 0 ELSE 1 END
	WHERE tenant_id = $1 AND id = $2 AND EXISTS (
		SELECT FROM session_token s
		WHERE s.tenant_id = $1 AND s.account = $6 AND s.issued_at = $7 AND s.expires_at = $8 AND s.key_id = $9
		  AND `+lives+`)
	RETURNING `+accountColumns)
)

// CreateAccount implements [core.Store] and [core.Directory].
func (s *Store) CreateAccount(ctx context.Context, a core.Account) error {
	args, err := accountArgs(&a)
	var keep []*call
	if err == nil {
		keep, err = keepCalls(ctx, a.Tenant, keepAccountAnswer, textArg(a.ID), &a)
	}
	if err == nil {
		err = s.inTenant(ctx, a.Tenant, begin, append([]*call{{stmt: createAccount, args: args}}, keep...)...)
	}
	return wrap(err, "account", "insert linked_account")
}

// UpsertAccount implements [core.Store].
func (s *Store) UpsertAccount(ctx context.Context, a core.Account) (core.Account, error) {
	args, err := accountArgs(&a)
	if err != nil {
		return core.Account{}, wrap(err, "account", "upsert linked_account")
	}
	stmt, use := upsertAccount, core.SessionOf(ctx)
	if use != nil {
		stmt, args = updateAccount, [][]byte{args[0], args[1], args[3], args[4], args[6]}
		args = append(args, sessionArgs(a.Tenant, use.ID)[1:]...)
	}
	upsert, accounts := accountsCall(a.Tenant, stmt, args...)
	if err := s.inTenant(ctx, a.Tenant, begin, upsert); err != nil {
		return core.Account{}, wrap(err, "account", "upsert linked_account")
	}
	if use != nil && len(*accounts) == 0 {
		return core.Account{}, core.ErrSessionEnded
	}
	return oneAccount(*accounts)
}

var accountByID = preparedRead("account_by_id",
	`SELECT `+accountColumns+` FROM linked_account WHERE tenant_id = $1 AND id = $2`)

// Account implements [core.Store] and [core.Directory].
func (s *Store) Account(ctx context.Context, tenant core.TenantID, id string) (core.Account, error) {
	get, accounts := accountsCall(tenant, accountByID, uuidArg(tenant), accountIDArg(id))
	if err := s.inTenant(ctx, tenant, beginRead, get); err != nil {
		return core.Account{}, wrap(err, "account", "select linked_account")
	}
	return oneAccount(*accounts)
}

var (
	accountCount = prepared("account_count",
		`SELECT count(*) FROM linked_account WHERE tenant_id = $1 AND version >= 0`)
	accountPage = prepared("account_page",
		`SELECT `+accountColumns+` FROM linked_account WHERE tenant_id = $1 AND version >= 0
		ORDER BY created_at, object_id OFFSET $2 LIMIT $3`)
	accountPageBack = prepared("account_page_back",
		`SELECT `+accountColumns+` FROM linked_account WHERE tenant_id = $1 AND version >= 0
		ORDER BY created_at DESC, object_id DESC OFFSET $2 LIMIT $3`)
)

// AccountPage implements [core.Store].
func (s *Store) AccountPage(
	ctx context.Context, tenant core.TenantID, order core.Order, offset, limit int,
) ([]core.Account, int, error) {
	stmt := accountPage
	if order == core.NewestFirst {
		stmt = accountPageBack
	}
	total := 0
	count := &call{stmt: accountCount, args: [][]byte{uuidArg(tenant)}, each: func(r *row) error {
		total = int(r.int())
		return nil
	}}
	list, accounts := accountsCall(tenant, stmt, uuidArg(tenant), intArg(int64(max(offset, 0))), intArg(int64(max(limit, 0))))
	// A snapshot for both, or the total could be of another moment than the page.
	if err := s.inTenant(ctx, tenant, beginSnapshot, count, list); err != nil {
		return nil, 0, wrap(err, "account", "select page of linked_account")
	}
	return *accounts, total, nil
}

var deleteAccount = prepared("delete_account", `DELETE FROM linked_account WHERE tenant_id = $1 AND id = $2`)

// DeleteAccount implements [core.Store] and [core.Directory].
func (s *Store) DeleteAccount(ctx context.Context, tenant core.TenantID, id string) error {
	del := &call{stmt: deleteAccount, args: [][]byte{uuidArg(tenant), accountIDArg(id)}}
	if err := s.inTenant(ctx, tenant, begin, del); err != nil {
		return wrap(err, "account", "delete linked_account")
	}
	if del.tag.RowsAffected() == 0 {
		return notFound("account")
	}
	return nil
}

// storedField is a field as the column udf has it, in an array. Values are
// kept as they came, every digit of them.
type storedField struct {
	ID    string          `json:"id"`
	Name  string          `json:"name"`
	Value json.RawMessage `json:"value"`
	At    int64           `json:"at"` // milliseconds since the epoch
}

// fieldsArg gives null for nil, so that "none were ever given" stays apart
// from an empty list.
func fieldsArg(fields []core.AccountField) ([]byte, error) {
	if fields == nil {
		return nil, nil
	}
	stored := make([]storedField, len(fields))
	for i, f := range fields {
		stored[i] = storedField{f.ID.String(), f.Name, json.RawMessage(f.Value), f.CreatedAt.UnixMilli()}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(stored); err != nil {
		return nil, fmt.Errorf("encode udf: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func fieldsToCore(udf []byte) ([]core.AccountField, error) {
	if udf == nil {
		return nil, nil
	}
	var stored []storedField
	if err := json.Unmarshal(udf, &stored); err != nil {
		return nil, fmt.Errorf("stored udf: %w", err)
	}
	fields := make([]core.AccountField, len(stored))
	for i, f := range stored {
		id, ok := core.ParseObjectID(f.ID)
		if !ok {
			return nil, fmt.Errorf("stored udf has the id %.60q", f.ID)
		}
		fields[i] = core.AccountField{ID: id, Name: f.Name, Value: core.JSON(f.Value), CreatedAt: time.UnixMilli(f.At).UTC()}
	}
	return fields, nil
}

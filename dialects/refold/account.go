package refold

import (
	"context"
	"net/http"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

// accountBody is what a request says of a linked account. Documented: contract
// 2.8, customer/create-linked-account and upsert-a-linked-account.
type accountBody struct {
	AccountID       dialects.String `json:"account_id"`
	LinkedAccountID dialects.String `json:"linked_account_id"` // another name of it
	Name            dialects.String `json:"name"`
	YourApp         dialects.Object `json:"your_app"`
	UDF             udf             `json:"udf"`
}

// toCore gives the account with the first of the ids that is given. What
// your_app has is checked and dropped: integrations are not kept.
func (b *accountBody) toCore(id string) (core.NewAccount, error) {
	ok := true
	in := core.NewAccount{ID: id, Name: given(&ok, b.Name.Field), Fields: given(&ok, b.UDF.Field)}
	switch app := given(&ok, b.YourApp.Field); {
	case app != nil && !hasCredentials(*app):
		return in, errYourApp
	case b.UDF.repeated:
		return in, errRepeatedUDF
	case !ok:
		return in, errAccountInput
	}
	if in.ID == "" {
		in.ID = b.AccountID.Value
	}
	if in.ID == "" {
		in.ID = b.LinkedAccountID.Value
	}
	if in.ID == "" {
		return in, errNoAccountID
	}
	return in, nil
}

// hasCredentials reports whether your_app has what its schema requires. The
// failure's text asks for an app id too, which neither schema nor page names.
func hasCredentials(app core.JSON) (has bool) {
	dialects.Members(app, func(name string, v core.JSON) {
		if name == "auth_credentials" {
			has = v[0] == '{'
		}
	})
	return has
}

type createLinkedAccountRequest struct {
	body accountBody
}

// Bind reads the request.
func (in *createLinkedAccountRequest) Bind(r *dialects.Request) error { return r.JSON(&in.body) }

func (d *dialect) createLinkedAccount(ctx context.Context, who *core.Principal, in createLinkedAccountRequest) (*dialects.Answer, error) {
	account, err := in.body.toCore("")
	if err != nil {
		return nil, err
	}
	show := func(a *core.Account) *dialects.Answer {
		return &dialects.Answer{Body: revisionOf(who).accountCreated(who.Tenant, a)}
	}
	dialects.Keep(ctx, http.StatusOK, show)
	a, err := d.core.CreateLinkedAccount(ctx, who.Tenant.ID, account)
	if err != nil {
		return nil, ofAccount(account.ID, err)
	}
	return show(&a), nil
}

// upsertLinkedAccountRequest is flat or under payload, which wins.
type upsertLinkedAccountRequest struct {
	accountBody

	Payload payload `json:"payload"`
}

// Bind reads the request.
func (in *upsertLinkedAccountRequest) Bind(r *dialects.Request) error {
	if err := r.JSON(in); err != nil {
		return err
	}
	if in.Payload.Presence == dialects.Given {
		in.accountBody = in.Payload.Value
	}
	return nil
}

// upsertLinkedAccount takes the id from the token, else from the body.
func (d *dialect) upsertLinkedAccount(ctx context.Context, who *core.Principal, in upsertLinkedAccountRequest) (*upsertedAccount, error) {
	account, err := in.toCore(who.Account)
	if err != nil {
		return nil, err
	}
	a, created, err := d.core.UpsertLinkedAccount(ctx, who.Tenant.ID, account)
	if err != nil {
		return nil, ofAccount(account.ID, err)
	}
	return &upsertedAccount{*fromAccount(who.Tenant, &a), created}, nil
}

type listLinkedAccountsRequest struct {
	pageRequest

	// filtered: by the value of an environment variable of an integration. There
	// are none here, so no account has one.
	filtered bool
}

// Bind reads the query. Nothing in it is an error.
func (in *listLinkedAccountsRequest) Bind(r *dialects.Request) error {
	q := r.Query()
	in.pageRequest, in.filtered = readPage(q), q.Get("env_variable_name") != ""
	return nil
}

func (d *dialect) listLinkedAccounts(ctx context.Context, who *core.Principal, in listLinkedAccountsRequest) (*page[any], error) {
	if in.filtered {
		return newPage(in.pageRequest, []any{}, 0), nil
	}
	accounts, total, err := d.core.LinkedAccountPage(ctx, who.Tenant.ID, revisionOf(who).order, in.offset(), in.limit)
	if err != nil {
		return nil, err
	}
	docs := make([]any, len(accounts))
	for i := range accounts {
		docs[i] = listedAccount(who.Tenant, &accounts[i])
	}
	return newPage(in.pageRequest, docs, total), nil
}

// accountPath is the account's own id in a path, not the document's.
type accountPath struct {
	id string
}

// Bind reads the path.
func (in *accountPath) Bind(r *dialects.Request) error {
	in.id = r.Param("linked_account_id")
	return nil
}

// linkedAccount shows a session token its own account and no other (inferred):
// what a tenant keeps of its users is not theirs to read.
func (d *dialect) linkedAccount(ctx context.Context, who *core.Principal, in accountPath) (*account, error) {
	if who.Account != "" && who.Account != in.id {
		return nil, ofAccount(in.id, &core.Error{Kind: core.NotFound, Noun: "account", Message: "another account than the token's"})
	}
	return d.account(ctx, who, in.id)
}

func (d *dialect) account(ctx context.Context, who *core.Principal, id string) (*account, error) {
	a, err := d.core.LinkedAccount(ctx, who.Tenant.ID, id)
	if err != nil {
		return nil, ofAccount(id, err)
	}
	return fromAccount(who.Tenant, &a), nil
}

type deletedAccount struct {
	Message string `json:"message"`
}

func (d *dialect) deleteLinkedAccount(ctx context.Context, who *core.Principal, in accountPath) (*deletedAccount, error) {
	if err := d.core.DeleteLinkedAccount(ctx, who.Tenant.ID, in.id); err != nil {
		return nil, ofAccount(in.id, err)
	}
	return &deletedAccount{"User deleted successfully"}, nil
}

type activeAccountRequest struct{}

// Bind reads nothing: the token says all.
func (*activeAccountRequest) Bind(*dialects.Request) error { return nil }

func (d *dialect) activeLinkedAccount(ctx context.Context, who *core.Principal, _ activeAccountRequest) (*account, error) {
	return d.account(ctx, who, who.Account)
}

package refold

import (
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

// This file is how a linked account is read and printed.

// udf is the member udf: an object of primitive values, as it is documented,
// or an array of fields as answers have it (inferred: what else could be there
// twice, which is documented to be refused).
type udf struct {
	dialects.Field[[]core.NewAccountField]

	repeated bool
}

// maxFields bounds what one request can make of its 1 MiB: each field gets an
// id and times, and every later reader is sent them all.
const maxFields = 1000

// UnmarshalJSONFrom reads the member.
func (u *udf) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*u = udf{}
	at := map[string]int{}
	if d.PeekKind() == '[' {
		var a dialects.Array
		if err := a.UnmarshalJSONFrom(d); err != nil {
			return err
		}
		u.Presence, u.Value = a.Presence, []core.NewAccountField{}
		dialects.Elements(a.Value, func(e core.JSON) bool {
			u.repeated = u.add(at, udfEntry(e)) || u.repeated
			return true
		})
		return nil
	}
	var o dialects.Object
	if err := o.UnmarshalJSONFrom(d); err != nil {
		return err
	}
	u.Presence, u.Value = o.Presence, []core.NewAccountField{}
	dialects.Members(o.Value, func(name string, v core.JSON) {
		u.add(at, core.NewAccountField{Name: name, Value: slices.Clone(v)})
	})
	return nil
}

// add keeps the first place and the last value of a field that is there twice,
// as JavaScript's objects do. It refuses what is no primitive, and nothing at all.
func (u *udf) add(at map[string]int, f core.NewAccountField) (repeated bool) {
	i, repeated := at[f.Name]
	switch {
	case len(f.Value) == 0 || f.Value[0] == '{' || f.Value[0] == '[':
		u.Presence = dialects.Wrong
	case repeated:
		u.Value[i] = f
	case len(u.Value) == maxFields:
		u.Presence = dialects.Wrong
	default:
		at[f.Name] = len(u.Value)
		u.Value = append(u.Value, f)
	}
	return repeated
}

// udfEntry gives no value for what is no field.
func udfEntry(e core.JSON) (f core.NewAccountField) {
	named := false
	dialects.Members(e, func(member string, v core.JSON) {
		switch {
		case member == "key_name" && isString(v):
			b, err := jsontext.AppendUnquote(nil, v)
			f.Name, named = string(b), err == nil
		case member == "key_value":
			f.Value = slices.Clone(v)
		}
	})
	if !named {
		f.Value = nil
	}
	return f
}

// payload is the member payload of an upsert.
type payload struct {
	dialects.Field[accountBody]
}

// UnmarshalJSONFrom reads the member. What is no object is overlooked.
func (p *payload) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*p = payload{}
	if d.PeekKind() != '{' {
		p.Presence = dialects.Wrong
		return d.SkipValue()
	}
	p.Presence = dialects.Given
	return json.UnmarshalDecode(d, &p.Value)
}

// account is the full document, in the order of the vendor's examples.
// Documented: contract 2.8.
type account struct {
	ID            string     `json:"_id"`
	AssociatedOrg string     `json:"associated_org"`
	AccountID     string     `json:"account_id"`
	Environment   string     `json:"environment"`
	Name          *string    `json:"name,omitzero"`
	UDF           []udfField `json:"udf"`
	Integrations  []struct{} `json:"integrations,omitzero"` // lists have it, empty: integrations are not kept
	CreatedAt     string     `json:"createdAt"`
	UpdatedAt     string     `json:"updatedAt"`
	Version       int64      `json:"__v"`
}

// udfField has the order of the vendor's example of an upsert.
type udfField struct {
	Name      string         `json:"key_name"`
	Value     jsontext.Value `json:"key_value"`
	ID        string         `json:"_id"`
	UpdatedAt string         `json:"updatedAt"`
	CreatedAt string         `json:"createdAt"`
}

func fromAccount(t *core.Tenant, a *core.Account) *account {
	fields := make([]udfField, len(a.Fields))
	for i, f := range a.Fields {
		at := timestamp(f.CreatedAt)
		fields[i] = udfField{f.Name, jsontext.Value(f.Value), f.ID.String(), at, at}
	}
	return &account{
		ID: a.ObjectID.String(), AssociatedOrg: t.Refold.OrgID, AccountID: a.ID, Environment: string(t.Refold.Environment),
		Name: a.Name, UDF: fields, CreatedAt: timestamp(a.CreatedAt), UpdatedAt: timestamp(a.UpdatedAt), Version: a.Version,
	}
}

func listedAccount(t *core.Tenant, a *core.Account) *account {
	out := fromAccount(t, a)
	out.Integrations = []struct{}{}
	return out
}

type upsertedAccount struct {
	account

	New bool `json:"new_account"`
}

func legacyAccountCreated(t *core.Tenant, a *core.Account) any { return fromAccount(t, a) }

// v3CreatedAccount is what v3 answers to a creation: null for the integrations
// that its schema says are left out.
type v3CreatedAccount struct {
	ID           string    `json:"_id"`
	AccountID    string    `json:"account_id"`
	Name         *string   `json:"name,omitzero"`
	Environment  string    `json:"environment"`
	Integrations *struct{} `json:"integrations"`
}

func v3AccountCreated(t *core.Tenant, a *core.Account) any {
	return &v3CreatedAccount{ID: a.ObjectID.String(), AccountID: a.ID, Name: a.Name, Environment: string(t.Refold.Environment)}
}

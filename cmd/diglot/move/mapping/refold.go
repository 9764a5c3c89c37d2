package mapping

import (
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
	"github.com/diglot/diglot/dialects/cometchat"
	"github.com/diglot/diglot/dialects/refold"
	"github.com/diglot/diglot/dialects/refold/client"
)

// Mapper maps records into one tenant.
type Mapper struct {
	Tenant core.Tenant
	// HasServer reports whether a slug will be there for agents to list; nil: all
	// will be.
	HasServer func(slug string) bool
}

// Mapped is a record as it is to be imported, and what becomes of each of its
// members: for clients of its own vendor, and for those of the other.
type Mapped[T any] struct {
	Core        T
	Record      finding.Record
	Kept, Shown []finding.Finding
}

// RefoldServer maps a server as a read of it answered.
func (m *Mapper) RefoldServer(in *client.MCPServer) (Mapped[core.MCPServer], error) {
	done := repairs{}
	id, ok := done.objectID("_id", in.ID)
	s := core.MCPServer{
		ID: id, Name: done.name(in.Name, orElse(in.ID.Value, "MCP server")), Description: done.text("description", in.Description),
		Suggestions: done.array("suggestions", in.Suggestions), AssociatedApps: done.array("associated_apps", in.AssociatedApps),
		Resources: done.array("resources", in.Resources), Notebooks: done.array("notebooks", in.Notebooks),
		Branding: core.Branding{
			AgentName: done.text("agent_name", in.AgentName), PrimaryColor: done.text("primary_color", in.PrimaryColor),
			SecondaryColor: done.text("secondary_color", in.SecondaryColor), BasePrompt: done.text("base_prompt", in.BasePrompt),
			SafeMode: done.flag("safe_mode", in.SafeMode),
		},
		Revision: 1,
	}
	s.CreatedAt, s.UpdatedAt = done.times(in.Text, id.Time())
	if !ok {
		s.ID = derivedID(s.CreatedAt, "refold", in.ID.Value, string(in.Text))
	}
	s.Chains = done.chains(&s, in.Chains)
	out := Mapped[core.MCPServer]{Core: s, Record: finding.Record{
		Source: string(core.Refold), Kind: finding.Server, ID: in.ID.Value, Name: s.Name,
	}}
	tenant := m.addressed(in.Notebooks.Presence != dialects.Absent, in.Resources.Presence != dialects.Absent)
	return out, out.compare(in.Text, done, func() (core.JSON, error) { return refold.ViewMCPServer(tenant, &s) },
		func() (core.JSON, error) { return cometchat.ViewMCPServer(tenant, &s) })
}

// compare fills in the findings.
func (m *Mapped[T]) compare(source core.JSON, done repairs, same, other func() (core.JSON, error)) error {
	view, err := same()
	if err != nil {
		return err
	}
	if m.Kept, err = compare(m.Record, Kept, source, view, done); err != nil {
		return err
	}
	if view, err = other(); err != nil {
		return err
	}
	m.Shown, err = compare(m.Record, Shown, source, view, nil)
	return err
}

// noOther is the view of a record that the other vendor has nothing like.
func noOther() (core.JSON, error) { return core.JSON("{}"), nil }

// addressed gives the tenant with both addresses, for the views, in the revision
// that a server's record is of: v3's have notebooks, legacy's resources.
func (m *Mapper) addressed(v3, legacy bool) *core.Tenant {
	t := m.Tenant
	if t.Refold == nil {
		t.Refold = &core.RefoldAddress{}
	}
	if t.CometChat == nil {
		t.CometChat = &core.CometChatAddress{}
	}
	switch {
	case v3:
		t.RefoldRevision = core.RefoldV3
	case legacy:
		t.RefoldRevision = core.RefoldLegacy
	}
	return &t
}

// chains reads a server's chains; nil where none were ever sent.
func (r repairs) chains(s *core.MCPServer, f dialects.Array) []core.Chain {
	if r.array("chains", f) == nil {
		return nil
	}
	out := []core.Chain{}
	for i, element := range f.Value {
		path := "chains[" + strconv.Itoa(i) + "]"
		if element[0] != '{' {
			r.lost(path, "It is no object.")
			continue
		}
		var id struct {
			ID dialects.String `json:"_id"`
		}
		_ = dialects.Decode(element, &id) // an object that was read already
		chain := core.Chain{Fields: dialects.Without(element, "_id")}
		var ok bool
		if chain.ID, ok = r.objectID(path+"._id", id.ID); !ok {
			chain.ID = derivedID(s.UpdatedAt, s.ID.String(), path, string(element))
		}
		out = append(out, chain)
	}
	return out
}

// RefoldAccount maps a linked account as a list or a read showed it.
func (m *Mapper) RefoldAccount(in *client.Account) (Mapped[core.Account], error) {
	done := repairs{}
	id, ok := done.objectID("_id", in.ID)
	a := core.Account{ID: in.AccountID.Value, ObjectID: id, Name: done.text("name", in.Name)}
	a.CreatedAt, a.UpdatedAt = done.times(in.Text, id.Time())
	if !ok {
		a.ObjectID = derivedID(a.CreatedAt, "refold", a.ID)
	}
	if v, err := strconv.ParseInt(string(in.Version.Value), 10, 64); err == nil && v >= 0 && v <= core.MaxRevision {
		a.Version = v
	}
	a.Fields = done.fields(&a, in.UDF)
	if err := a.Validate(); err != nil {
		done.lost("account_id", "It can't be an id here: 1 to 500 bytes of text without space around it are.")
	}
	out := Mapped[core.Account]{Core: a, Record: finding.Record{
		Source: string(core.Refold), Kind: finding.Account, ID: in.AccountID.Value, Name: orElse(in.Name.Value, a.ID),
	}}
	return out, out.compare(in.Text, done, func() (core.JSON, error) { return refold.ViewListedAccount(m.addressed(false, false), &a) }, noOther)
}

// fields reads an account's own fields; nil where none were ever sent.
func (r repairs) fields(a *core.Account, f dialects.Array) []core.AccountField {
	if r.array("udf", f) == nil {
		return nil
	}
	out := []core.AccountField{}
	for i, element := range f.Value {
		path := "udf[" + strconv.Itoa(i) + "]"
		var field struct {
			Name      dialects.String `json:"key_name"`
			Value     jsontext.Value  `json:"key_value"`
			ID        dialects.String `json:"_id"`
			CreatedAt dialects.String `json:"createdAt"`
		}
		if element[0] != '{' || dialects.Decode(element, &field) != nil || field.Name.Presence != dialects.Given {
			r.lost(path, "It is no object with a key_name.")
			continue
		}
		if len(field.Value) == 0 {
			field.Value = jsontext.Value("null")
		}
		kept := core.AccountField{Value: slices.Clone(core.JSON(field.Value)), CreatedAt: a.UpdatedAt}
		if name := r.text(path+".key_name", field.Name); name != nil {
			kept.Name = *name
		}
		if at, ok := momentOf(iso(field.CreatedAt)); ok && inRange(at) {
			kept.CreatedAt = at.UTC()
		}
		var ok bool
		if kept.ID, ok = r.objectID(path+"._id", field.ID); !ok {
			kept.ID = derivedID(kept.CreatedAt, a.ObjectID.String(), path, kept.Name)
		}
		out = append(out, kept)
	}
	return out
}

package move

import (
	"fmt"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

// This file is core's records as text: the form [Diglot]. What was never given is
// left out, times are ISO-8601 in UTC, and what core keeps as text is that text.

type serverText struct {
	ID             string         `json:"id"`
	Slug           string         `json:"slug"`
	Name           string         `json:"name"`
	Description    *string        `json:"description,omitzero"`
	URL            string         `json:"url,omitzero"`
	Icon           string         `json:"icon,omitzero"`
	Suggestions    jsontext.Value `json:"suggestions,omitzero"`
	AssociatedApps jsontext.Value `json:"associated_apps,omitzero"`
	Resources      jsontext.Value `json:"resources,omitzero"`
	Notebooks      jsontext.Value `json:"notebooks,omitzero"`
	Chains         []chainText    `json:"chains,omitzero"`
	AgentName      *string        `json:"agent_name,omitzero"`
	PrimaryColor   *string        `json:"primary_color,omitzero"`
	SecondaryColor *string        `json:"secondary_color,omitzero"`
	BasePrompt     *string        `json:"base_prompt,omitzero"`
	SafeMode       *bool          `json:"safe_mode,omitzero"`
	CreatedAt      time.Time      `json:"created_at"`
	UpdatedAt      time.Time      `json:"updated_at"`
	Revision       int64          `json:"revision"`
}

type chainText struct {
	ID     string         `json:"id"`
	Fields jsontext.Value `json:"fields"`
}

func textOfServer(s *core.MCPServer) (core.JSON, error) {
	t := serverText{
		ID: s.ID.String(), Slug: s.Slug, Name: s.Name, Description: s.Description, URL: s.URL, Icon: s.Icon,
		Suggestions: value(s.Suggestions), AssociatedApps: value(s.AssociatedApps), Resources: value(s.Resources), Notebooks: value(s.Notebooks),
		AgentName: s.Branding.AgentName, PrimaryColor: s.Branding.PrimaryColor, SecondaryColor: s.Branding.SecondaryColor,
		BasePrompt: s.Branding.BasePrompt, SafeMode: s.Branding.SafeMode,
		CreatedAt: s.CreatedAt.UTC(), UpdatedAt: s.UpdatedAt.UTC(), Revision: s.Revision,
	}
	if s.Chains != nil {
		t.Chains = make([]chainText, len(s.Chains))
		for i, c := range s.Chains {
			t.Chains[i] = chainText{c.ID.String(), value(c.Fields)}
		}
	}
	return dialects.Encode(&t)
}

func (t *serverText) toCore() (*core.MCPServer, error) {
	s := &core.MCPServer{
		Slug: t.Slug, Name: t.Name, Description: t.Description, URL: t.URL, Icon: t.Icon,
		Suggestions: core.JSON(t.Suggestions), AssociatedApps: core.JSON(t.AssociatedApps),
		Resources: core.JSON(t.Resources), Notebooks: core.JSON(t.Notebooks),
		Branding: core.Branding{
			AgentName: t.AgentName, PrimaryColor: t.PrimaryColor, SecondaryColor: t.SecondaryColor,
			BasePrompt: t.BasePrompt, SafeMode: t.SafeMode,
		},
		CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt, Revision: t.Revision,
	}
	var err error
	if s.ID, err = objectID(t.ID); err != nil {
		return nil, err
	}
	if t.Chains != nil {
		s.Chains = make([]core.Chain, len(t.Chains))
	}
	for i, c := range t.Chains {
		if s.Chains[i].ID, err = objectID(c.ID); err != nil {
			return nil, err
		}
		s.Chains[i].Fields = core.JSON(c.Fields)
	}
	return s, nil
}

type accountText struct {
	ID        string      `json:"id"`
	ObjectID  string      `json:"object_id"`
	Name      *string     `json:"name,omitzero"`
	Fields    []fieldText `json:"fields,omitzero"`
	CreatedAt time.Time   `json:"created_at"`
	UpdatedAt time.Time   `json:"updated_at"`
	Version   int64       `json:"version"`
}

type fieldText struct {
	ID        string         `json:"id"`
	Name      string         `json:"name"`
	Value     jsontext.Value `json:"value"`
	CreatedAt time.Time      `json:"created_at"`
}

func textOfAccount(a *core.Account) (core.JSON, error) {
	t := accountText{
		ID: a.ID, ObjectID: a.ObjectID.String(), Name: a.Name,
		CreatedAt: a.CreatedAt.UTC(), UpdatedAt: a.UpdatedAt.UTC(), Version: a.Version,
	}
	if a.Fields != nil {
		t.Fields = make([]fieldText, len(a.Fields))
		for i, f := range a.Fields {
			t.Fields[i] = fieldText{f.ID.String(), f.Name, value(f.Value), f.CreatedAt.UTC()}
		}
	}
	return dialects.Encode(&t)
}

func (t *accountText) toCore() (*core.Account, error) {
	a := &core.Account{ID: t.ID, Name: t.Name, CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt, Version: t.Version}
	var err error
	if a.ObjectID, err = objectID(t.ObjectID); err != nil {
		return nil, err
	}
	if t.Fields != nil {
		a.Fields = make([]core.AccountField, len(t.Fields))
	}
	for i, f := range t.Fields {
		a.Fields[i] = core.AccountField{Name: f.Name, Value: core.JSON(f.Value), CreatedAt: f.CreatedAt}
		if a.Fields[i].ID, err = objectID(f.ID); err != nil {
			return nil, err
		}
	}
	return a, nil
}

type agentText struct {
	UID                 string         `json:"uid"`
	Name                string         `json:"name"`
	Icon                string         `json:"icon,omitzero"`
	Active              bool           `json:"active"`
	Description         *string        `json:"description,omitzero"`
	Instruction         *string        `json:"instruction,omitzero"`
	Model               *string        `json:"model,omitzero"`
	MCPServers          []string       `json:"mcp_servers"`
	Tools               jsontext.Value `json:"tools,omitzero"`
	APITools            jsontext.Value `json:"api_tools,omitzero"`
	FrontendActions     jsontext.Value `json:"frontend_actions,omitzero"`
	Files               jsontext.Value `json:"files,omitzero"`
	Websites            jsontext.Value `json:"websites,omitzero"`
	OtherKBIntegrations jsontext.Value `json:"other_kb_integrations,omitzero"`
	Metadata            jsontext.Value `json:"metadata,omitzero"`
	ModelMetadata       jsontext.Value `json:"model_metadata,omitzero"`
	CreatedAt           time.Time      `json:"created_at"`
	UpdatedAt           time.Time      `json:"updated_at"`
	Revision            int64          `json:"revision"`
}

func textOfAgent(a *core.Agent) (core.JSON, error) {
	return dialects.Encode(&agentText{
		UID: string(a.UID), Name: a.Name, Icon: a.Icon, Active: a.Active, Description: a.Description, Instruction: a.Instruction,
		Model: a.Model, MCPServers: a.MCPServers, Tools: value(a.Tools), APITools: value(a.APITools), FrontendActions: value(a.FrontendActions),
		Files: value(a.Files), Websites: value(a.Websites), OtherKBIntegrations: value(a.OtherKBIntegrations),
		Metadata: value(a.Metadata), ModelMetadata: value(a.ModelMetadata),
		CreatedAt: a.CreatedAt.UTC(), UpdatedAt: a.UpdatedAt.UTC(), Revision: a.Revision,
	})
}

func (t *agentText) toCore() *core.Agent {
	return &core.Agent{
		UID: core.AgentUID(t.UID), Name: t.Name, Icon: t.Icon, Active: t.Active, Description: t.Description, Instruction: t.Instruction,
		Model: t.Model, MCPServers: t.MCPServers, Tools: core.JSON(t.Tools), APITools: core.JSON(t.APITools),
		FrontendActions: core.JSON(t.FrontendActions), Files: core.JSON(t.Files), Websites: core.JSON(t.Websites),
		OtherKBIntegrations: core.JSON(t.OtherKBIntegrations), Metadata: core.JSON(t.Metadata), ModelMetadata: core.JSON(t.ModelMetadata),
		CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt, Revision: t.Revision,
	}
}

// value is a text of core's to encode; nil stays nil.
func value(j core.JSON) jsontext.Value { return jsontext.Value(j) }

func objectID(text string) (core.ObjectID, error) {
	id, ok := core.ParseObjectID(text)
	if !ok {
		return id, fmt.Errorf("%q is no id of 24 hex digits", text)
	}
	return id, nil
}

// decode reads the item's text, which is in the form [Diglot].
func (i *Item) decode(kind finding.Kind) error {
	i.Record = finding.Record{Source: Diglot, Kind: kind}
	switch kind {
	case finding.Server:
		var t serverText
		if err := dialects.Decode(i.Text, &t); err != nil {
			return err
		}
		s, err := t.toCore()
		i.Server, i.Record.Name = s, t.Name
		return err
	case finding.Account:
		var t accountText
		if err := dialects.Decode(i.Text, &t); err != nil {
			return err
		}
		a, err := t.toCore()
		i.Account, i.Record.Name = a, t.ID
		if t.Name != nil {
			i.Record.Name = *t.Name
		}
		return err
	case finding.Agent:
		var t agentText
		if err := dialects.Decode(i.Text, &t); err != nil {
			return err
		}
		i.Agent, i.Record.Name = t.toCore(), t.Name
	}
	return nil
}

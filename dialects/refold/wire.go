package refold

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

// This file is how a server is printed, in each revision.

// legacyListedServer is a server in a list. Recorded: contract 2.4.
type legacyListedServer struct {
	ID          string `json:"_id"`
	Name        string `json:"name"`
	Description string `json:"description"`
	CreatedAt   string `json:"createdAt"`
	UpdatedAt   string `json:"updatedAt"`
}

func legacyListed(_ *core.Tenant, s *core.MCPServer) any {
	return &legacyListedServer{s.ID.String(), s.Name, text(s.Description), timestamp(s.CreatedAt), timestamp(s.UpdatedAt)}
}

// legacyServer is the full object, members in the order of seed 002: chains
// come last because the vendor's database appended them at an update.
type legacyServer struct {
	ID              string         `json:"_id"`
	Name            string         `json:"name"`
	Description     string         `json:"description"`
	AssociatedOrgID string         `json:"associated_org_id"`
	Environment     string         `json:"environment"`
	Suggestions     jsontext.Value `json:"suggestions"`
	AssociatedApps  jsontext.Value `json:"associated_apps"`
	Resources       jsontext.Value `json:"resources"`
	CreatedAt       string         `json:"createdAt"`
	UpdatedAt       string         `json:"updatedAt"`
	Version         *int           `json:"__v,omitzero"` // only an update prints it: 0, always
	Chains          jsontext.Value `json:"chains,omitzero"`
}

func fromMCPServer(t *core.Tenant, s *core.MCPServer) *legacyServer {
	return &legacyServer{
		ID: s.ID.String(), Name: s.Name, Description: text(s.Description),
		AssociatedOrgID: t.Refold.OrgID, Environment: string(t.Refold.Environment),
		Suggestions: array(s.Suggestions), AssociatedApps: array(s.AssociatedApps), Resources: array(s.Resources),
		CreatedAt: timestamp(s.CreatedAt), UpdatedAt: timestamp(s.UpdatedAt), Chains: fromChains(s.Chains),
	}
}

func legacyRead(t *core.Tenant, s *core.MCPServer) any { return fromMCPServer(t, s) }

func legacyUpdated(t *core.Tenant, s *core.MCPServer) any {
	out := fromMCPServer(t, s)
	out.Version = new(int)
	return out
}

// v3Head is what every v3 object of a server begins with. Documented: contract 2.4.
type v3Head struct {
	ID              string `json:"_id"`
	Name            string `json:"name"`
	Description     string `json:"description"`
	AssociatedOrgID string `json:"associated_org_id"`
	Environment     string `json:"environment"`
}

func v3HeadOf(t *core.Tenant, s *core.MCPServer) v3Head {
	return v3Head{s.ID.String(), s.Name, text(s.Description), t.Refold.OrgID, string(t.Refold.Environment)}
}

// branding has the members that are absent until they are set. The first two
// stand in the vendor's example of a change; that the others follow them, and
// that a read has all of them in the same place, is inferred.
type branding struct {
	AgentName      *string `json:"agent_name,omitzero"`
	PrimaryColor   *string `json:"primary_color,omitzero"`
	SecondaryColor *string `json:"secondary_color,omitzero"`
	BasePrompt     *string `json:"base_prompt,omitzero"`
	SafeMode       *bool   `json:"safe_mode,omitzero"`
}

type v3ListedServer struct {
	v3Head

	CreatedAt string `json:"createdAt"`
}

func v3Listed(t *core.Tenant, s *core.MCPServer) any {
	return &v3ListedServer{v3HeadOf(t, s), timestamp(s.CreatedAt)}
}

// v3ReadServer has the order of the vendor's example of a read.
type v3ReadServer struct {
	v3Head
	branding

	AssociatedApps jsontext.Value `json:"associated_apps"`
	Chains         jsontext.Value `json:"chains"`
	Suggestions    jsontext.Value `json:"suggestions"`
	Notebooks      jsontext.Value `json:"notebooks"`
	CreatedAt      string         `json:"createdAt"`
	UpdatedAt      string         `json:"updatedAt"`
}

func v3Read(t *core.Tenant, s *core.MCPServer) any {
	return &v3ReadServer{
		v3HeadOf(t, s), branding(s.Branding),
		array(s.AssociatedApps), array(core.JSON(fromChains(s.Chains))), array(s.Suggestions), array(s.Notebooks),
		timestamp(s.CreatedAt), timestamp(s.UpdatedAt),
	}
}

// v3UpdatedServer has the order of the vendor's example of a change, which is
// another one than that of a read, and has no times.
type v3UpdatedServer struct {
	v3Head
	branding

	Suggestions    jsontext.Value `json:"suggestions"`
	AssociatedApps jsontext.Value `json:"associated_apps"`
	Chains         jsontext.Value `json:"chains"`
	Notebooks      jsontext.Value `json:"notebooks"`
}

func v3Updated(t *core.Tenant, s *core.MCPServer) any {
	return &v3UpdatedServer{
		v3HeadOf(t, s), branding(s.Branding),
		array(s.Suggestions), array(s.AssociatedApps), array(core.JSON(fromChains(s.Chains))), array(s.Notebooks),
	}
}

// fromChains prints each chain with its id last; nothing where none were ever sent.
func fromChains(chains []core.Chain) jsontext.Value {
	if chains == nil {
		return nil
	}
	out := make([]core.JSON, len(chains))
	for i, c := range chains {
		fields := c.Fields[:len(c.Fields)-1] // without the closing brace
		b := append(make(core.JSON, 0, len(fields)+40), fields...)
		if len(fields) > 1 {
			b = append(b, ',')
		}
		b = append(append(b, `"_id":"`...), c.ID.String()...)
		out[i] = append(b, `"}`...)
	}
	return jsontext.Value(dialects.JoinArray(out))
}

// array shows an array that was never given as an empty one.
func array(j core.JSON) jsontext.Value {
	if j == nil {
		return jsontext.Value("[]")
	}
	return jsontext.Value(j)
}

// text shows a description that was never given, as the other dialect may
// leave it, as an empty one.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// timestamp prints ISO-8601 UTC with three decimals and Z, as JavaScript does.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

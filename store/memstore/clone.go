package memstore

import (
	"slices"

	"github.com/diglot/diglot/core"
)

// clone copies a server with all that it points to: nothing stored is shared
// with a caller.
func clone(s *core.MCPServer) core.MCPServer {
	c := *s
	c.Description = clonePointer(s.Description)
	c.Suggestions = slices.Clone(s.Suggestions)
	c.AssociatedApps = slices.Clone(s.AssociatedApps)
	c.Resources = slices.Clone(s.Resources)
	c.Notebooks = slices.Clone(s.Notebooks)
	c.Chains = cloneChains(s.Chains)
	c.Branding = core.Branding{
		AgentName:      clonePointer(s.Branding.AgentName),
		PrimaryColor:   clonePointer(s.Branding.PrimaryColor),
		SecondaryColor: clonePointer(s.Branding.SecondaryColor),
		BasePrompt:     clonePointer(s.Branding.BasePrompt),
		SafeMode:       clonePointer(s.Branding.SafeMode),
	}
	return c
}

func cloneAll(list []*core.MCPServer) []core.MCPServer {
	out := make([]core.MCPServer, len(list))
	for i, s := range list {
		out[i] = listed(s)
	}
	return out
}

// listed is a copy without what no list shows.
func listed(s *core.MCPServer) core.MCPServer {
	return core.MCPServer{
		ID: s.ID, Slug: s.Slug, Name: s.Name, Description: clonePointer(s.Description), URL: s.URL, Icon: s.Icon,
		Place: s.Place, CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt, Revision: s.Revision,
	}
}

func cloneAgent(a *core.Agent) core.Agent {
	c := *a
	c.Description, c.Instruction, c.Model = clonePointer(a.Description), clonePointer(a.Instruction), clonePointer(a.Model)
	c.MCPServers = append([]string{}, a.MCPServers...) // never nil
	c.Tools, c.APITools, c.FrontendActions = slices.Clone(a.Tools), slices.Clone(a.APITools), slices.Clone(a.FrontendActions)
	c.Files, c.Websites = slices.Clone(a.Files), slices.Clone(a.Websites)
	c.OtherKBIntegrations = slices.Clone(a.OtherKBIntegrations)
	c.Metadata, c.ModelMetadata = slices.Clone(a.Metadata), slices.Clone(a.ModelMetadata)
	return c
}

func cloneChains(chains []core.Chain) []core.Chain {
	out := slices.Clone(chains)
	for i := range out {
		out[i].Fields = slices.Clone(out[i].Fields)
	}
	return out
}

func cloneTenant(t *core.Tenant) core.Tenant {
	c := *t
	c.Refold = clonePointer(t.Refold)
	c.CometChat = clonePointer(t.CometChat)
	c.Limits = t.Limits.Clone()
	return c
}

func clonePointer[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

func set[T any](field *T, to *T) {
	if to != nil {
		*field = *to
	}
}

func setPointer[T any](field **T, to *T) {
	if to != nil {
		*field = clonePointer(to)
	}
}

func setJSON(field *core.JSON, to core.JSON) {
	if to != nil {
		*field = slices.Clone(to)
	}
}

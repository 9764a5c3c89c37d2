package memstore

import (
	"context"

	"github.com/diglot/diglot/core"
)

// count counts records that a request reads, and says why it may not have them.
func count[R any](ctx context.Context, bytes func(*R) int, records ...*R) error {
	m := core.MeterOf(ctx)
	if m == nil {
		return nil
	}
	for _, r := range records {
		if err := m.Record(bytes(r)); err != nil {
			m.End()
			return err
		}
	}
	return nil
}

// listedBytes gives how many bytes the texts have of what a list shows.
func listedBytes(s *core.MCPServer) int {
	return len(s.Slug) + len(s.Name) + textBytes(s.Description) + len(s.URL) + len(s.Icon)
}

func serverBytes(s *core.MCPServer) int {
	n := listedBytes(s) + len(s.Suggestions) + len(s.AssociatedApps) + len(s.Resources) + len(s.Notebooks) +
		textBytes(s.Branding.AgentName, s.Branding.PrimaryColor, s.Branding.SecondaryColor, s.Branding.BasePrompt)
	for i := range s.Chains {
		n += len(s.Chains[i].ID) + len(s.Chains[i].Fields)
	}
	return n
}

func agentBytes(a *core.Agent) int {
	n := len(a.Name) + len(a.Icon) + textBytes(a.Description, a.Instruction, a.Model)
	for _, slug := range a.MCPServers {
		n += len(slug)
	}
	for _, text := range []core.JSON{
		a.Tools, a.APITools, a.FrontendActions, a.Files, a.Websites, a.OtherKBIntegrations, a.Metadata, a.ModelMetadata,
	} {
		n += len(text)
	}
	return n
}

func accountBytes(a *core.Account) int {
	n := len(a.ID) + textBytes(a.Name)
	for i := range a.Fields {
		n += len(a.Fields[i].Name) + len(a.Fields[i].Value)
	}
	return n
}

func textBytes(texts ...*string) (n int) {
	for _, t := range texts {
		if t != nil {
			n += len(*t)
		}
	}
	return n
}

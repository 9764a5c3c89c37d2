package mapping

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
	"github.com/diglot/diglot/dialects/cometchat"
	"github.com/diglot/diglot/dialects/cometchat/client"
	"github.com/diglot/diglot/dialects/refold"
)

// CometChatServer maps a server.
func (m *Mapper) CometChatServer(in *client.MCPServer) (Mapped[core.MCPServer], error) {
	done := repairs{}
	s := core.MCPServer{
		Slug: in.Slug.Value, Name: done.name(in.Name, orElse(orElse(in.Slug.Value, in.ID.Value), "MCP server")),
		Description: done.text("description", in.Description), URL: orEmpty(done.text("url", in.URL)), Icon: done.icon(in.Icon),
		Revision: 1,
	}
	s.CreatedAt, s.UpdatedAt = done.times(in.Text, noTime)
	s.ID = derivedID(s.CreatedAt, "cometchat", in.ID.Value, in.Slug.Value)
	if !core.ValidSlug(s.Slug) {
		s.Slug = "mcp-server-" + s.ID.String()
		done["slug"] = repair{finding.Manual, "It is not URL-safe; " + s.Slug + " stands for it.", "Have clients use the new one."}
	}
	out := Mapped[core.MCPServer]{Core: s, Record: finding.Record{
		Source: string(core.CometChat), Kind: finding.Server, ID: in.Slug.Value, Name: s.Name,
	}}
	tenant := m.addressed(false, false)
	tenant.URLTemplate = "" // or it would stand for a url that was lost
	return out, out.compare(in.Text, done, func() (core.JSON, error) { return cometchat.ViewMCPServer(tenant, &s) },
		func() (core.JSON, error) { return refold.ViewMCPServer(tenant, &s) })
}

// CometChatAgent maps an agent.
func (m *Mapper) CometChatAgent(in *client.Agent) (Mapped[core.Agent], error) {
	done := repairs{}
	a := core.Agent{
		UID: core.AgentUID(in.UID.Value), Name: done.name(in.Name, orElse(in.UID.Value, "Agent")), Icon: done.icon(in.Icon), Active: true,
		Description: done.text("description", in.Description), Instruction: done.text("instruction", in.Instruction),
		Model: done.text("model", in.Model),
		Tools: done.array("tools", in.Tools), APITools: done.array("apiTools", in.APITools),
		FrontendActions: done.array("frontendActions", in.FrontendActions), Files: done.array("files", in.Files),
		Websites: done.array("websites", in.Websites), OtherKBIntegrations: done.array("otherKbIntegrations", in.OtherKBIntegrations),
		Metadata: done.object("metaData", in.Metadata), ModelMetadata: done.object("modelMetaData", in.ModelMetadata),
		MCPServers: m.servers(done, in.MCPServers), Revision: 1,
	}
	if active := done.flag("isActive", in.IsActive); active != nil {
		a.Active = *active
	}
	done.cut("name", &a.Name, core.MaxAgentNameChars)
	if a.Instruction != nil {
		done.cut("instruction", a.Instruction, core.MaxInstructionChars)
	}
	a.CreatedAt, a.UpdatedAt = done.times(in.Text, noTime)
	if !a.UID.Valid() {
		a.UID = derivedUID("cometchat", in.UID.Value, string(in.CreatedAt.Value))
		done["uid"] = repair{finding.Manual, "It is no UUID; " + string(a.UID) + " stands for it.", "Have clients use the new one."}
	}
	out := Mapped[core.Agent]{Core: a, Record: finding.Record{
		Source: string(core.CometChat), Kind: finding.Agent, ID: in.UID.Value, Name: a.Name,
	}}
	return out, out.compare(in.Text, done, func() (core.JSON, error) { return cometchat.ViewAgent(m.addressed(false, false), &a) }, noOther)
}

// servers reads the slugs that an agent lists, each once.
func (m *Mapper) servers(done repairs, f dialects.Array) []string {
	done.array("mcpServers", f)
	slugs := []string{}
	seen := map[string]bool{}
	for i, element := range f.Value {
		path := "mcpServers[" + strconv.Itoa(i) + "]"
		text, err := jsontext.AppendUnquote(nil, element)
		slug := string(text)
		switch {
		case err != nil:
			done.lost(path, "It is no text.")
		case seen[slug]:
			done[path] = repair{finding.Approximate, "It is listed twice, and once in Diglot.", ""}
		case !core.ValidSlug(slug), m.HasServer != nil && !m.HasServer(slug):
			done[path] = repair{
				finding.Manual, "No server has this slug, so that the agent doesn't list it.",
				"Move the server, then add it to the agent. The vendor's pages also speak of names here.",
			}
		default:
			seen[slug] = true
			slugs = append(slugs, slug)
		}
	}
	return slugs
}

// cut cuts a text to what core keeps, in characters.
func (r repairs) cut(path string, s *string, limit int) {
	if utf8.RuneCountInString(*s) <= limit {
		return
	}
	at := 0
	for range limit {
		_, size := utf8.DecodeRuneInString((*s)[at:])
		at += size
	}
	*s = strings.Clone((*s)[:at])
	r[path] = repair{finding.Approximate, "It is cut to " + strconv.Itoa(limit) + " characters.", "Shorten it at the source."}
}

package cometchat

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

// agentResponse is an agent in the order of the documented examples. Texts
// that were never given are absent, as in a server; lists and objects are
// empty (inferred).
type agentResponse struct {
	UID                  string         `json:"uid"`
	AppID                string         `json:"appId,omitzero"`
	Name                 string         `json:"name"`
	Icon                 string         `json:"icon,omitzero"`
	IsActive             bool           `json:"isActive"`
	Description          *string        `json:"description,omitzero"`
	Tools                jsontext.Value `json:"tools"`
	Files                jsontext.Value `json:"files"`
	Websites             jsontext.Value `json:"websites"`
	OtherKBIntegrations  jsontext.Value `json:"otherKbIntegrations"`
	APITools             jsontext.Value `json:"apiTools"`
	MCPServers           []string       `json:"mcpServers"`
	FrontendActions      jsontext.Value `json:"frontendActions"`
	RAGVersion           string         `json:"ragVersion"`
	LastMessageAt        *int64         `json:"lastMessageAt"`
	Instruction          *string        `json:"instruction,omitzero"`
	FormattedInstruction *string        `json:"formattedInstruction,omitzero"`
	Metadata             jsontext.Value `json:"metaData"`
	Model                *string        `json:"model,omitzero"`
	ModelMetadata        jsontext.Value `json:"modelMetaData"`
	CreatedAt            int64          `json:"createdAt"`
	UpdatedAt            int64          `json:"updatedAt"`
}

// ragVersion is every agent's: the examples know no other, and no operation
// sets it (inferred).
const ragVersion = "v2"

// fromAgent shows an agent. Nobody writes to it here, so that it has no last
// message; its instruction has nothing in it that would need formatting, and
// is shown twice, as in the examples (both inferred).
func fromAgent(a *core.Agent) *agentResponse {
	return &agentResponse{
		UID: string(a.UID), Name: a.Name, Icon: a.Icon, IsActive: a.Active, Description: a.Description,
		Tools: orEmpty(a.Tools, "[]"), Files: orEmpty(a.Files, "[]"), Websites: orEmpty(a.Websites, "[]"),
		OtherKBIntegrations: orEmpty(a.OtherKBIntegrations, "[]"), APITools: orEmpty(a.APITools, "[]"),
		MCPServers: a.MCPServers, FrontendActions: orEmpty(a.FrontendActions, "[]"),
		RAGVersion: ragVersion, Instruction: a.Instruction, FormattedInstruction: a.Instruction,
		Metadata: orEmpty(a.Metadata, "{}"), Model: a.Model, ModelMetadata: orEmpty(a.ModelMetadata, "{}"),
		CreatedAt: a.CreatedAt.UnixMilli(), UpdatedAt: a.UpdatedAt.UnixMilli(),
	}
}

// of names the app that the agent is of. The examples do so where an agent was
// created or changed, and not where it is read: contract 1.1 and 1.3.1.
func (a *agentResponse) of(t *core.Tenant) *agentResponse {
	a.AppID = t.CometChat.AppID
	return a
}

func orEmpty(j core.JSON, empty string) jsontext.Value {
	if j == nil {
		return jsontext.Value(empty)
	}
	return jsontext.Value(j)
}

// searchMember is the parameter that agents are searched by. That there is one
// is documented, its name is not (inferred: contract 1.3).
const searchMember = "search"

type listAgentsRequest struct {
	listRequest

	search string
}

// Bind reads the query.
func (in *listAgentsRequest) Bind(r *dialects.Request) error {
	var p problems
	q := r.Query()
	in.read(&p, q)
	in.search = q.Get(searchMember)
	if !core.ValidText(in.search) {
		p.add(searchMember, "must be UTF-8 text without the character U+0000")
	}
	return p.err()
}

func (d *dialect) listAgents(
	ctx context.Context, who *core.Principal, in listAgentsRequest,
) (*listResponse[agentResponse], error) {
	agents, err := d.core.AgentsFrom(ctx, who.Tenant.ID, core.AgentQuery{
		From: in.from, Dir: in.dir, Limit: in.asked(), Search: in.search,
	})
	if err != nil {
		return nil, err
	}
	shown, m := page(&in.listRequest, agents, func(a *core.Agent) position { return position{a.Place, a.CreatedAt} })
	out := &listResponse[agentResponse]{Data: make([]*agentResponse, len(shown)), Meta: m}
	for i := range shown {
		out.Data[i] = fromAgent(&shown[i])
	}
	return out, nil
}

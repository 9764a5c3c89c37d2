package cometchat

import (
	"context"
	"net/http"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

// agentBody is what a client says of an agent: the documented members, and
// behind them four that the vendor shows and sets through operations that are
// not served here (taking them is ours). Other members are ignored.
type agentBody struct {
	Name          dialects.String `json:"name"`
	Icon          dialects.String `json:"icon"`
	Description   dialects.String `json:"description"`
	Tools         dialects.Array  `json:"tools"`
	APITools      dialects.Array  `json:"apiTools"`
	MCPServers    dialects.Array  `json:"mcpServers"`
	Instruction   dialects.String `json:"instruction"`
	Metadata      dialects.Object `json:"metaData"`
	Model         dialects.String `json:"model"`
	ModelMetadata dialects.Object `json:"modelMetaData"`
	IsActive      dialects.Bool   `json:"isActive"`

	Files               dialects.Array `json:"files"`
	Websites            dialects.Array `json:"websites"`
	OtherKBIntegrations dialects.Array `json:"otherKbIntegrations"`
	FrontendActions     dialects.Array `json:"frontendActions"`
}

// read reads the body, the name by itself: a creation requires it. Null leaves
// any other member out.
func (b *agentBody) read(
	p *problems, name func(string, dialects.String, func(string) string) *string,
) core.AgentUpdate {
	return core.AgentUpdate{
		Name:          name("name", b.Name, isAgentName),
		Icon:          p.optional("icon", b.Icon, isIcon),
		Description:   p.optional("description", b.Description, isText),
		Tools:         p.array("tools", b.Tools),
		APITools:      p.array("apiTools", b.APITools),
		MCPServers:    p.slugs("mcpServers", b.MCPServers),
		Instruction:   p.optional("instruction", b.Instruction, isInstruction),
		Metadata:      p.object("metaData", b.Metadata),
		Model:         p.optional("model", b.Model, isText),
		ModelMetadata: p.object("modelMetaData", b.ModelMetadata),
		Active:        p.flag("isActive", b.IsActive),

		Files:               p.array("files", b.Files),
		Websites:            p.array("websites", b.Websites),
		OtherKBIntegrations: p.array("otherKbIntegrations", b.OtherKBIntegrations),
		FrontendActions:     p.array("frontendActions", b.FrontendActions),
	}
}

type createAgentRequest struct {
	agent core.NewAgent
}

// apiVersion is the only version that the header chatApiVersion can ask for; it
// is so too where there is none. Documented, for this operation alone: contract
// 1.2. That no other one passes, and that an empty one is none, is inferred.
const apiVersion = "v3.0"

var errAPIVersion = &core.Error{Kind: core.Invalid, Noun: "api_version", Message: "the header asks for another version than v3.0"}

// Bind reads the request; its failure names every field that is wrong.
func (in *createAgentRequest) Bind(r *dialects.Request) error {
	if v := r.Header("chatApiVersion"); v != "" && v != apiVersion {
		return errAPIVersion
	}
	var body agentBody
	if err := r.JSON(&body); err != nil {
		return err
	}
	var p problems
	said := body.read(&p, p.required)
	if err := p.err(); err != nil {
		return err
	}
	in.agent = core.NewAgent{
		Name: *said.Name, Description: said.Description, Instruction: said.Instruction, Model: said.Model,
		Tools: said.Tools, APITools: said.APITools, FrontendActions: said.FrontendActions,
		Files: said.Files, Websites: said.Websites, OtherKBIntegrations: said.OtherKBIntegrations,
		Metadata: said.Metadata, ModelMetadata: said.ModelMetadata,
		Inactive: said.Active != nil && !*said.Active,
	}
	if said.Icon != nil {
		in.agent.Icon = *said.Icon
	}
	if said.MCPServers != nil {
		in.agent.MCPServers = *said.MCPServers
	}
	return nil
}

// createAgentResponse wraps the agent as no other answer does. Documented:
// contract 1.3.
type createAgentResponse struct {
	Agent *agentResponse `json:"agent"`
}

func (d *dialect) createAgent(ctx context.Context, who *core.Principal, in createAgentRequest) (*dialects.Answer, error) {
	show := func(a *core.Agent) *dialects.Answer {
		return aboutAgent(a, &createAgentResponse{fromAgent(a).of(who.Tenant)})
	}
	dialects.Keep(ctx, http.StatusCreated, show)
	a, err := d.core.CreateAgent(ctx, who.Tenant.ID, in.agent)
	if err != nil {
		return nil, &creationError{err}
	}
	return show(&a), nil
}

// aboutAgent is an answer about one agent.
func aboutAgent(a *core.Agent, body any) *dialects.Answer {
	return &dialects.Answer{Body: body, Version: a.Version()}
}

// agentPath is the uid in a path. What is no UUID is the uid of no agent.
type agentPath struct {
	uid core.AgentUID
}

// Bind reads the path.
func (in *agentPath) Bind(r *dialects.Request) error {
	in.uid = core.AgentUID(r.Param("uid"))
	if !in.uid.Valid() {
		return &core.Error{Kind: core.NotFound, Noun: "agent", Message: "no such uid"}
	}
	return nil
}

func (d *dialect) agent(ctx context.Context, who *core.Principal, in agentPath) (*dialects.Answer, error) {
	a, err := d.core.Agent(ctx, who.Tenant.ID, in.uid)
	if err != nil {
		return nil, err
	}
	return aboutAgent(&a, fromAgent(&a)), nil
}

type updateAgentRequest struct {
	path   agentPath
	update core.AgentUpdate
}

// Bind reads the request.
func (in *updateAgentRequest) Bind(r *dialects.Request) error {
	if err := in.path.Bind(r); err != nil {
		return err
	}
	only, err := r.IfMatch()
	if err != nil {
		return err
	}
	var body agentBody
	if err := r.JSON(&body); err != nil {
		return err
	}
	var p problems
	in.update = body.read(&p, p.changed)
	in.update.If = only
	return p.err()
}

// updateAgentResponse says that it was done and no more. Documented: contract 1.3.
type updateAgentResponse struct {
	Success bool `json:"success"`
}

func (d *dialect) updateAgent(ctx context.Context, who *core.Principal, in updateAgentRequest) (*dialects.Answer, error) {
	a, err := d.core.UpdateAgent(ctx, who.Tenant.ID, in.path.uid, in.update)
	if err != nil {
		return nil, err
	}
	return aboutAgent(&a, &updateAgentResponse{Success: true}), nil
}

type deleteAgentRequest struct {
	path agentPath
	only core.Precondition
}

// Bind reads the request.
func (in *deleteAgentRequest) Bind(r *dialects.Request) (err error) {
	if err := in.path.Bind(r); err != nil {
		return err
	}
	in.only, err = r.IfMatch()
	return err
}

func (d *dialect) deleteAgent(ctx context.Context, who *core.Principal, in deleteAgentRequest) (*successResponse, error) {
	if err := d.core.DeleteAgent(ctx, who.Tenant.ID, in.path.uid, in.only); err != nil {
		return nil, err
	}
	return succeeded(), nil
}

// agentServersRequest names servers that an agent is to list or to drop.
type agentServersRequest struct {
	path  agentPath
	only  core.Precondition
	slugs []string
}

// Bind reads the request. An empty list is one (inferred): nothing changes.
func (in *agentServersRequest) Bind(r *dialects.Request) (err error) {
	if err := in.path.Bind(r); err != nil {
		return err
	}
	if in.only, err = r.IfMatch(); err != nil {
		return err
	}
	var body struct {
		MCPs dialects.Array `json:"mcps"`
	}
	if err := r.JSON(&body); err != nil {
		return err
	}
	var p problems
	if slugs := p.slugs("mcps", body.MCPs); slugs != nil {
		in.slugs = *slugs
	} else if p.err() == nil {
		p.add("mcps", "should not be empty")
	}
	return p.err()
}

// agentServersResponse is documented for the addition, inferred for the
// removal: contract 1.3.
type agentServersResponse struct {
	Success bool           `json:"success"`
	Data    *agentResponse `json:"data"`
}

func (d *dialect) addMCPServers(ctx context.Context, who *core.Principal, in agentServersRequest) (*dialects.Answer, error) {
	return d.changeServers(ctx, who, in.path.uid, core.AgentUpdate{AddMCPServers: in.slugs, If: in.only})
}

func (d *dialect) removeMCPServers(ctx context.Context, who *core.Principal, in agentServersRequest) (*dialects.Answer, error) {
	return d.changeServers(ctx, who, in.path.uid, core.AgentUpdate{RemoveMCPServers: in.slugs, If: in.only})
}

func (d *dialect) changeServers(
	ctx context.Context, who *core.Principal, uid core.AgentUID, u core.AgentUpdate,
) (*dialects.Answer, error) {
	a, err := d.core.UpdateAgent(ctx, who.Tenant.ID, uid, u)
	if err != nil {
		return nil, err
	}
	return aboutAgent(&a, &agentServersResponse{Success: true, Data: fromAgent(&a).of(who.Tenant)}), nil
}

package core

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Agent is an assistant that a tenant has described: what it is told, and the
// MCP servers that it may use.
type Agent struct {
	UID         AgentUID
	Name        string // 1 to [MaxAgentNameChars] characters; may repeat
	Icon        string // any text of up to [MaxIconChars] characters, as a server's; empty: not given
	Active      bool
	Description *string // nil: never given, which is not the same as empty
	Instruction *string // up to [MaxInstructionChars] characters; nil: never given
	Model       *string // nil: never given

	// MCPServers are the slugs of servers of the tenant, whichever dialect made
	// them, each once, in the order in which they were first named. A server
	// that is deleted is listed no more. Stores give an empty list, not nil.
	MCPServers []string

	// What is kept and shown, and means nothing to core: nil where never given.
	Tools               JSON // array
	APITools            JSON // array
	FrontendActions     JSON // array
	Files               JSON // array
	Websites            JSON // array
	OtherKBIntegrations JSON // array
	Metadata            JSON // object
	ModelMetadata       JSON // object

	Place     Place     // among the tenant's agents
	CreatedAt time.Time // UTC, whole milliseconds
	UpdatedAt time.Time // UTC, whole milliseconds; never before CreatedAt
	Revision  int64     // 1 at creation, one more with every change that a client made
}

// AgentUID is an agent's identity: a UUID in its canonical lower-case text.
type AgentUID string

// Valid reports whether the uid is a canonical UUID; no agent has any other.
func (u AgentUID) Valid() bool { return canonicalUUID(string(u)) }

// The bounds of an agent's texts, in characters (Unicode code points).
const (
	MaxAgentNameChars   = 100
	MaxInstructionChars = 32_000
)

// NewAgent is what a client says of an agent that it creates.
type NewAgent struct {
	Name        string
	Icon        string
	Inactive    bool
	Description *string
	Instruction *string
	Model       *string
	MCPServers  []string // repetitions are dropped

	Tools, APITools, FrontendActions, Files, Websites, OtherKBIntegrations JSON
	Metadata, ModelMetadata                                                JSON
}

// AgentUpdate is what a client changes of an agent; nil leaves a field alone.
type AgentUpdate struct {
	Name        *string
	Icon        *string
	Active      *bool
	Description *string
	Instruction *string
	Model       *string

	// The servers that the agent is to list; all three may be given, and count
	// in this order. Each server that is named has to exist.
	MCPServers       *[]string
	AddMCPServers    []string // those that it does not list yet go to the end
	RemoveMCPServers []string // those that it does not list stay so

	Tools, APITools, FrontendActions, Files, Websites, OtherKBIntegrations JSON
	Metadata, ModelMetadata                                                JSON

	If Precondition
}

// Named gives the servers that the update names, each once.
func (u *AgentUpdate) Named() []string {
	var all []string
	if u.MCPServers != nil {
		all = append(all, *u.MCPServers...)
	}
	return once(append(append(all, u.AddMCPServers...), u.RemoveMCPServers...))
}

// Servers gives what an agent that listed some servers lists after the update.
func (u *AgentUpdate) Servers(listed []string) []string {
	if u.MCPServers != nil {
		listed = *u.MCPServers
	}
	all := once(append(slices.Clone(listed), u.AddMCPServers...))
	return slices.DeleteFunc(all, func(slug string) bool { return slices.Contains(u.RemoveMCPServers, slug) })
}

// once drops repetitions, the first of each stays.
func once(slugs []string) []string {
	seen := make(map[string]bool, len(slugs))
	out := make([]string, 0, len(slugs))
	for _, s := range slugs {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}

// MissingServersError is a [NotFound] about servers that an agent was to list
// or to drop.
type MissingServersError struct {
	Slugs []string // each once, in the order in which they were named
}

// Error implements error.
func (e *MissingServersError) Error() string { return e.Unwrap().Error() }

// Unwrap gives the classified failure.
func (e *MissingServersError) Unwrap() error {
	return Missing("mcp_server")
}

// FoldText gives text in the form in which [AgentQuery] compares it: letters
// of both cases are one. Stores keep it, since databases fold in ways of their own.
func FoldText(s string) string { return strings.ToLower(s) }

func checkLength(fields map[string]string, field string, s *string, limit int) {
	if _, wrong := fields[field]; !wrong && s != nil && utf8.RuneCountInString(*s) > limit {
		fields[field] = "is too long"
	}
}

// validate is the last line of defence: a dialect has said all of this in its
// own words before.
func (u *AgentUpdate) validate() error { return invalid("agent", u.problems()) }

func (u *AgentUpdate) problems() map[string]string {
	fields := map[string]string{}
	checkText(fields, "name", u.Name, true)
	checkLength(fields, "name", u.Name, MaxAgentNameChars)
	checkIcon(fields, u.Icon)
	checkText(fields, "description", u.Description, false)
	checkText(fields, "instruction", u.Instruction, false)
	checkLength(fields, "instruction", u.Instruction, MaxInstructionChars)
	checkText(fields, "model", u.Model, false)
	return fields
}

func (n *NewAgent) validate() error {
	u := AgentUpdate{Name: &n.Name, Icon: &n.Icon, Description: n.Description, Instruction: n.Instruction, Model: n.Model}
	return u.validate()
}

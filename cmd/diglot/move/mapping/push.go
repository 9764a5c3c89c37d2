package mapping

import (
	"errors"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
	cometclient "github.com/diglot/diglot/dialects/cometchat/client"
	refoldclient "github.com/diglot/diglot/dialects/refold/client"
)

// This file is what is sent to a vendor for a record of core's. What it can't
// take is in the table, under [Row].Pushed.

// RefoldPush is a server as Refold's API takes it: a creation, and then a change
// of the server that came of it.
type RefoldPush struct {
	Create refoldclient.NewMCPServer
	Update refoldclient.MCPServerUpdate
}

// RefoldPushOf gives what to send for a server. The vendor creates none without
// a description: such a server gets its name for one, and the change mends it.
func RefoldPushOf(s *core.MCPServer) RefoldPush {
	description := ""
	if s.Description != nil {
		description = *s.Description
	}
	return RefoldPush{
		Create: refoldclient.NewMCPServer{Name: s.Name, Description: orElse(description, s.Name)},
		Update: refoldclient.MCPServerUpdate{
			Description: &description, Suggestions: refoldclient.Value(s.Suggestions),
			AssociatedApps: refoldclient.Value(s.AssociatedApps), Chains: pushedChains(s.Chains),
			AgentName: s.Branding.AgentName, PrimaryColor: s.Branding.PrimaryColor,
			SecondaryColor: s.Branding.SecondaryColor, BasePrompt: s.Branding.BasePrompt, SafeMode: s.Branding.SafeMode,
		},
	}
}

// pushedChains gives chains without their ids, which the vendor makes.
func pushedChains(chains []core.Chain) refoldclient.Value {
	if chains == nil {
		return nil
	}
	fields := make([]core.JSON, len(chains))
	for i := range chains {
		fields[i] = chains[i].Fields
	}
	return refoldclient.Value(dialects.JoinArray(fields))
}

// RefoldAccountPush gives what to send for a linked account. Of fields that share
// a name the last counts: the vendor takes an object.
func RefoldAccountPush(a *core.Account) (refoldclient.AccountInput, error) {
	in := refoldclient.AccountInput{AccountID: a.ID, Name: a.Name}
	if a.Fields == nil {
		return in, nil
	}
	udf := []byte("{")
	for i, f := range a.Fields {
		name, err := dialects.Encode(f.Name)
		if err != nil {
			return in, err
		}
		if i > 0 {
			udf = append(udf, ',')
		}
		udf = append(append(append(udf, name...), ':'), f.Value...)
	}
	in.UDF = append(udf, '}')
	return in, nil
}

// ErrNoURL is a server that CometChat can't be told of: it has no url, and its
// tenant no template for one.
var ErrNoURL = errors.New("the server has no url, which CometChat requires")

// CometChatPush gives what to send for a server. ErrNoURL.
func CometChatPush(t *core.Tenant, s *core.MCPServer) (cometclient.NewMCPServer, error) {
	in := cometclient.NewMCPServer{Name: s.Name, Slug: s.Slug, Description: s.Description, URL: t.ServerURL(s), Icon: s.Icon}
	if in.URL == "" {
		return in, ErrNoURL
	}
	return in, nil
}

// CometChatAgentPush gives what to send for an agent.
func CometChatAgentPush(a *core.Agent) cometclient.AgentInput {
	in := cometclient.AgentInput{
		Name: &a.Name, Description: a.Description, Instruction: a.Instruction, Model: a.Model, IsActive: &a.Active,
		MCPServers: &a.MCPServers, Tools: cometclient.Value(a.Tools), APITools: cometclient.Value(a.APITools),
		Metadata: cometclient.Value(a.Metadata), ModelMetadata: cometclient.Value(a.ModelMetadata),
	}
	if a.Icon != "" {
		in.Icon = &a.Icon
	}
	return in
}

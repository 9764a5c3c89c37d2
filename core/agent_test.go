package core_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

func TestANewAgentHasWhatTheClientSaidAndTheClocksTime(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	tenant := g.demo(t, "demo")
	server, err := g.CreateMCPServer(t.Context(), tenant.ID, core.NewMCPServer{Name: "Server"})
	require.NoError(t, err)
	agent, err := g.CreateAgent(t.Context(), tenant.ID, core.NewAgent{
		Name: "Agent", Instruction: new("Be kind."), Tools: core.JSON(`["gmail"]`),
		MCPServers: []string{server.Slug, server.Slug},
	})
	require.NoError(t, err)
	at := start.UTC().Truncate(time.Millisecond)
	require.True(t, agent.UID.Valid())
	require.Equal(t, byte('4'), agent.UID[14], "a random UUID")
	require.Equal(t, core.Agent{
		UID: agent.UID, Name: "Agent", Active: true, Instruction: new("Be kind."), Tools: core.JSON(`["gmail"]`),
		MCPServers: []string{server.Slug},
		Place:      core.PlaceAt(start), CreatedAt: at, UpdatedAt: at, Revision: 1,
	}, agent)
	got, err := g.Agent(t.Context(), tenant.ID, agent.UID)
	require.NoError(t, err)
	require.Equal(t, agent, got)
}

func TestAgentUIDsComeFromTheSourceThatIsGiven(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	tenant := g.demo(t, "demo")
	secret, err := core.NewSecret(core.RandomMaterial())
	require.NoError(t, err)
	const uid = "863f3501-7d6c-4bd4-9d15-0d5c9a3a3f10"
	service := core.NewService(g.store, secret, g.Now, core.NewIDSource(), core.WithUUIDs(func() string { return uid }))
	agent, err := service.CreateAgent(t.Context(), tenant.ID, core.NewAgent{Name: "Agent", Inactive: true})
	require.NoError(t, err)
	require.Equal(t, core.AgentUID(uid), agent.UID)
	require.False(t, agent.Active)
	_, err = service.CreateAgent(t.Context(), tenant.ID, core.NewAgent{Name: "Agent"})
	require.True(t, core.IsConflictOn(err, "uid"))
}

func TestAnAgentThatIsInvalidNamesEachFieldAndNothingHappens(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	tenant := g.demo(t, "demo")
	agent, err := g.CreateAgent(t.Context(), tenant.ID, core.NewAgent{
		Name: strings.Repeat("ñ", core.MaxAgentNameChars), Instruction: new(strings.Repeat("🚀", core.MaxInstructionChars)),
		Icon: strings.Repeat("é", core.MaxIconChars),
	})
	require.NoError(t, err, "as long as they may be")
	long := new(strings.Repeat("ñ", core.MaxInstructionChars+1))
	for want, bad := range map[string]core.AgentUpdate{
		"is too long": {Name: long, Instruction: long, Icon: new(strings.Repeat("é", core.MaxIconChars+1))},
		"has characters that cannot be kept": {
			Name: new("\x00"), Description: new("\xff"), Instruction: new("\x00"), Model: new("\x00"), Icon: new("\x00"),
		},
		"is empty": {Name: new("")},
	} {
		_, err := g.UpdateAgent(t.Context(), tenant.ID, agent.UID, bad)
		requireInvalidAgent(t, err, want)
		in := core.NewAgent{Name: "good", Description: bad.Description, Instruction: bad.Instruction, Model: bad.Model}
		if bad.Name != nil {
			in.Name = *bad.Name
		}
		if bad.Icon != nil {
			in.Icon = *bad.Icon
		}
		_, err = g.CreateAgent(t.Context(), tenant.ID, in)
		requireInvalidAgent(t, err, want)
	}
	list, err := g.AgentsFrom(t.Context(), tenant.ID, core.AgentQuery{Limit: 10})
	require.NoError(t, err)
	require.Equal(t, []core.Agent{agent}, list)
	require.NoError(t, g.DeleteAgent(t.Context(), tenant.ID, agent.UID, core.Precondition{}))
}

func requireInvalidAgent(t *testing.T, err error, want string) {
	t.Helper()
	var e *core.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, core.Invalid, e.Kind)
	require.Equal(t, "agent", e.Noun)
	for field, what := range e.Fields {
		require.Equal(t, want, what, field)
	}
}

func TestMissingServersAreANotFoundThatNamesThem(t *testing.T) {
	t.Parallel()
	err := error(&core.MissingServersError{Slugs: []string{"gone"}})
	require.Equal(t, core.NotFound, core.KindOf(err))
	require.NotEmpty(t, err.Error())
}

package coretest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

var agents = []guarantee{
	{"comes back as it was given, with every field and with none", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		for _, want := range []core.Agent{fullAgent(), newAgent("bare")} {
			got := s.createAgent(t, want)
			want.Place = got.Place
			equalAgent(t, want, got)
			equalAgent(t, want, s.readAgent(t, want.UID))
		}
	}},
	{"an inactive agent with empty texts and lists is not a bare one", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		want := newAgent("empty")
		want.Active = false
		want.Description, want.Instruction, want.Model = new(""), new(""), new("")
		want.Tools, want.Metadata = core.JSON(`[]`), core.JSON(`{}`)
		equalAgent(t, want, s.createAgent(t, want))
		equalAgent(t, want, s.readAgent(t, want.UID))
	}},
	{"an agent without a list of servers lists none", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		a := newAgent("agent")
		a.MCPServers = nil
		require.Equal(t, []string{}, s.createAgent(t, a).MCPServers)
		require.Equal(t, []string{}, s.readAgent(t, a.UID).MCPServers)
	}},
	{"a uid is taken once", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		a := s.createAgent(t, newAgent("first"))
		again := newAgent("again")
		again.UID = a.UID
		_, err := s.CreateAgent(t.Context(), s.tenant.ID, again)
		requireConflict(t, err, "agent", "uid")
		equalAgents(t, []core.Agent{a}, s.allAgents(t))
	}},
	{"names may repeat", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		s.createAgent(t, newAgent("name"))
		s.createAgent(t, newAgent("name"))
		require.Len(t, s.allAgents(t), 2)
	}},
	{"what is not there is not found", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		s.createAgent(t, newAgent("agent"))
		for _, uid := range []core.AgentUID{someAgent, "", "agent-uuid-1234", "863F3501-7D6C-4BD4-9D15-0D5C9A3A3F10", "\x00", "' or true --"} {
			_, err := s.Agent(t.Context(), s.tenant.ID, uid)
			requireNotFound(t, err)
			_, err = s.UpdateAgent(t.Context(), s.tenant.ID, uid, core.AgentModification{UpdatedAt: epoch})
			requireNotFound(t, err)
			requireNotFound(t, s.DeleteAgent(t.Context(), s.tenant.ID, uid, core.Precondition{}))
		}
		require.Len(t, s.allAgents(t), 1)
	}},
	{"a deleted agent is gone, and its uid is free", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		a, stays := s.createAgent(t, fullAgent()), s.createAgent(t, newAgent("stays"))
		require.NoError(t, s.DeleteAgent(t.Context(), s.tenant.ID, a.UID, core.Precondition{}))
		requireNotFound(t, s.DeleteAgent(t.Context(), s.tenant.ID, a.UID, core.Precondition{}))
		_, err := s.Agent(t.Context(), s.tenant.ID, a.UID)
		requireNotFound(t, err)
		equalAgents(t, []core.Agent{stays}, s.allAgents(t))
		s.createAgent(t, a)
	}},
	{"each field changes alone", eachAgentFieldChangesAlone},
	{"an update of nothing moves the update time and the revision, and time never goes back", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		want := s.createAgent(t, fullAgent())
		for i, step := range []struct{ asked, given time.Duration }{{-time.Hour, 0}, {time.Minute, time.Minute}, {time.Second, time.Minute}} {
			got, err := s.UpdateAgent(t.Context(), s.tenant.ID, want.UID, core.AgentModification{UpdatedAt: epoch.Add(step.asked)})
			require.NoError(t, err)
			want.UpdatedAt, want.Revision = epoch.Add(step.given), int64(i+2)
			equalAgent(t, want, got)
			equalAgent(t, want, s.readAgent(t, want.UID))
		}
	}},
	{"30 updates at once are all applied", func(t *testing.T, b Backend) {
		s := newSuite(t, b, "one")
		a := s.createAgent(t, newAgent("agent"))
		requireNoErrors(t, together(30, func(i int) error {
			m := core.AgentModification{UpdatedAt: epoch.Add(time.Duration(i) * time.Millisecond)}
			m.Name = new(fmt.Sprint("named by ", i))
			_, err := s.UpdateAgent(t.Context(), s.tenant.ID, a.UID, m)
			return err
		}))
		a = s.readAgent(t, a.UID)
		require.Equal(t, int64(31), a.Revision)
		equalTime(t, epoch.Add(29*time.Millisecond), a.UpdatedAt)
	}},
}

// agentChanges change one field each: what is asked for, and what it does.
var agentChanges = map[string]func(u *core.AgentUpdate, a *core.Agent){
	"name":                func(u *core.AgentUpdate, a *core.Agent) { u.Name, a.Name = new("new"), "new" },
	"icon":                func(u *core.AgentUpdate, a *core.Agent) { u.Icon, a.Icon = new("http://new"), "http://new" },
	"icon emptied":        func(u *core.AgentUpdate, a *core.Agent) { u.Icon, a.Icon = new(""), "" },
	"active":              func(u *core.AgentUpdate, a *core.Agent) { u.Active, a.Active = new(true), true },
	"inactive":            func(u *core.AgentUpdate, a *core.Agent) { u.Active, a.Active = new(false), false },
	"description":         func(u *core.AgentUpdate, a *core.Agent) { u.Description, a.Description = new("new"), new("new") },
	"instruction emptied": func(u *core.AgentUpdate, a *core.Agent) { u.Instruction, a.Instruction = new(""), new("") },
	"model":               func(u *core.AgentUpdate, a *core.Agent) { u.Model, a.Model = new("new"), new("new") },
	"tools":               func(u *core.AgentUpdate, a *core.Agent) { u.Tools, a.Tools = newList, newList },
	"api tools":           func(u *core.AgentUpdate, a *core.Agent) { u.APITools, a.APITools = newList, newList },
	"frontend actions":    func(u *core.AgentUpdate, a *core.Agent) { u.FrontendActions, a.FrontendActions = newList, newList },
	"files":               func(u *core.AgentUpdate, a *core.Agent) { u.Files, a.Files = newList, newList },
	"websites":            func(u *core.AgentUpdate, a *core.Agent) { u.Websites, a.Websites = newList, newList },
	"other integrations": func(u *core.AgentUpdate, a *core.Agent) {
		u.OtherKBIntegrations, a.OtherKBIntegrations = newList, newList
	},
	"metadata":       func(u *core.AgentUpdate, a *core.Agent) { u.Metadata, a.Metadata = newObject, newObject },
	"model metadata": func(u *core.AgentUpdate, a *core.Agent) { u.ModelMetadata, a.ModelMetadata = newObject, newObject },
}

var newList, newObject = core.JSON(`["new"]`), core.JSON(`{"new":1,"a":2}`)

// eachAgentFieldChangesAlone wants all the fields that are not named to stay,
// on an agent that has them and on one that doesn't.
func eachAgentFieldChangesAlone(t *testing.T, b Backend) {
	t.Helper()
	s := newSuite(t, b, "one")
	slugs := s.slugs(t, 2)
	for field, change := range agentChanges {
		for _, before := range []core.Agent{fullAgent(), newAgent("bare")} {
			t.Log(field)
			before.UID, before.MCPServers = core.AgentUID(core.NewUUID()), slugs
			want := s.createAgent(t, before)
			var u core.AgentUpdate
			change(&u, &want)
			want.Revision = 2
			equalAgent(t, want, s.updateAgent(t, want.UID, u))
			equalAgent(t, want, s.readAgent(t, want.UID))
		}
	}
}

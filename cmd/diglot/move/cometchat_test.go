package move_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/move"
	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
	"github.com/diglot/diglot/dialects/cometchat"
	"github.com/diglot/diglot/dialects/cometchat/client"
	"github.com/diglot/diglot/dialects/dialecttest"
	"github.com/diglot/diglot/dialects/vendorhttp"
	"github.com/diglot/diglot/dialects/vendorhttp/vendorhttptest"
	"github.com/diglot/diglot/store/memstore"
)

func TestAnIconThatTheSourceHasNoMoreIsTakenAwayAtTheVendor(t *testing.T) {
	t.Parallel()
	w := dialecttest.NewWorld(t, core.CometChat, memstore.New(), dialecttest.Setting{})
	base := vendorhttptest.Serve(t, cometchat.New(w.Core, dialects.Options{Logger: w.Logger, NewRequestID: w.NewRequestID, Limits: w.Limits, Slots: w.Slots}))
	c, err := client.New(vendorhttptest.NewClock().Options(base), client.Credentials{APIKey: vendorhttp.Secret(w.Values["KEY"])})
	require.NoError(t, err)
	target := move.CometChatTarget{CometChat: move.NewCometChat(c, "")}

	const icon = "data:image/png;base64,AA"
	_, err = c.CreateMCPServer(t.Context(), client.NewMCPServer{Name: "Weather", Slug: "weather", URL: "http://localhost", Icon: icon})
	require.NoError(t, err)
	agent, err := c.CreateAgent(t.Context(), client.AgentInput{Name: new("Agent"), Icon: new(icon)})
	require.NoError(t, err)
	update := func(icon string) (ofServer, ofAgent string) {
		t.Helper()
		_, err := target.Update(t.Context(), &move.Item{Record: finding.Record{Kind: finding.Server}, Server: &core.MCPServer{Name: "Renamed", Slug: "weather", URL: "http://localhost", Icon: icon}}, "weather")
		require.NoError(t, err)
		made, err := target.Update(t.Context(), &move.Item{Record: finding.Record{Kind: finding.Agent}, Agent: &core.Agent{Name: "Renamed", Icon: icon}}, agent.UID.Value)
		require.NoError(t, err)
		s, err := c.MCPServer(t.Context(), "weather")
		require.NoError(t, err)
		a, err := c.Agent(t.Context(), agent.UID.Value)
		require.NoError(t, err)
		require.Equal(t, a.Text, made.Text)
		require.Equal(t, []string{"Renamed", "Renamed"}, []string{s.Name.Value, a.Name.Value})
		return s.Icon.Value, a.Icon.Value
	}
	ofServer, ofAgent := update("/icon.png")
	require.Equal(t, []string{"/icon.png", "/icon.png"}, []string{ofServer, ofAgent})
	ofServer, ofAgent = update("")
	require.Empty(t, ofServer+ofAgent)
}

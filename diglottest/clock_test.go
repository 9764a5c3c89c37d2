package diglottest_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/diglottest"
	"github.com/diglot/diglot/store/storetest"
)

// eachStore runs a test on a server in memory and on one in PostgreSQL.
func eachStore(t *testing.T, run func(t *testing.T, options ...diglottest.Option)) {
	t.Helper()
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		run(t)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		run(t, diglottest.WithPostgres(storetest.NewEmpty(t)))
	})
}

func TestTimesStandStillAndAdvance(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, options ...diglottest.Option) {
		s := diglottest.New(t, append(options, diglottest.WithNow(epoch))...)
		client, servers := s.CometChatClient(), s.CometChatURL()+"/mcp-servers"
		create := func(slug string) map[string]any {
			r := send(t, client, http.MethodPost, servers, `{"name":"n","slug":"`+slug+`","url":"http://localhost"}`)
			require.Equal(t, http.StatusCreated, r.status, r.body)
			require.Equal(t, s.Clock().Now().UTC().Format(http.TimeFormat), r.header.Get("Date"))
			return r.json(t)
		}
		require.InDelta(t, epoch.UnixMilli(), create("a")["createdAt"], 0)
		s.Clock().Advance(time.Hour)
		require.InDelta(t, epoch.Add(time.Hour).UnixMilli(), create("b")["createdAt"], 0)
		s.Clock().Set(epoch.AddDate(1, 0, 0))
		changed := send(t, client, http.MethodPatch, servers+"/a", `{"name":"m"}`)
		require.Equal(t, http.StatusOK, changed.status, changed.body)
		require.InDelta(t, epoch.AddDate(1, 0, 0).UnixMilli(), changed.json(t)["updatedAt"], 0)
		require.InDelta(t, epoch.UnixMilli(), changed.json(t)["createdAt"], 0)
	})
}

// A token and a kept answer end by the clock of the gateway, on either store,
// however well they are remembered.
func TestWhatExpiresExpiresByTheClock(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, options ...diglottest.Option) {
		s := diglottest.New(t, append(options, diglottest.WithNow(epoch))...)
		token, servers := s.RefoldToken(), s.RefoldURL()+"/mcp-servers"
		status := func() int {
			return send(t, http.DefaultClient, http.MethodGet, servers, "", "Authorization", "Bearer "+token).status
		}
		require.Equal(t, http.StatusOK, status())
		s.Clock().Advance(24*time.Hour + 29*time.Second)
		require.Equal(t, http.StatusOK, status(), "within the leeway of two clocks")
		s.Clock().Advance(time.Second)
		require.Equal(t, http.StatusUnauthorized, status())
		s.Clock().Set(epoch)
		require.Equal(t, http.StatusOK, status(), "it was good then")

		once := func() reply {
			return send(t, s.RefoldClient(), http.MethodPost, servers, `{"name":"Weather","description":"d"}`, "Idempotency-Key", "1")
		}
		first := once()
		require.Equal(t, http.StatusCreated, first.status, first.body)
		s.Clock().Advance(24*time.Hour - time.Second)
		require.Equal(t, first.body, once().body)
		s.Clock().Advance(time.Second)
		again := once()
		require.Equal(t, http.StatusConflict, again.status, "the answer is kept no more, the name is taken: %s", again.body)
	})
}

func TestARunningClockGoesOnFromWhereItIsSet(t *testing.T) {
	t.Parallel()
	s := diglottest.New(t)
	c := s.Clock()
	require.False(t, c.Frozen())
	require.WithinDuration(t, time.Now(), c.Now(), time.Minute)
	c.Advance(time.Hour)
	first := c.Now()
	require.WithinDuration(t, time.Now().Add(time.Hour), first, time.Minute)
	require.Eventually(t, func() bool { return c.Now().After(first) }, 10*time.Second, time.Millisecond)
	c.Freeze()
	still := c.Now()
	require.Equal(t, still, c.Now())
	require.True(t, c.Frozen())
	c.Set(epoch)
	require.Equal(t, epoch, c.Now())
	c.Run()
	require.Eventually(t, func() bool { return c.Now().After(epoch) }, 10*time.Second, time.Millisecond)
	s.Reset()
	require.WithinDuration(t, time.Now(), c.Now(), time.Minute)
}

// life is requests of every kind, and what each is answered with, all bytes of it.
func life(t *testing.T, s *diglottest.Server) string {
	t.Helper()
	var transcript strings.Builder
	note := func(r reply) reply {
		require.NoError(t, r.header.Write(&transcript))
		transcript.WriteString(r.body + "\n")
		return r
	}
	refold, cometchat := s.RefoldClient(), s.CometChatClient()
	id := note(send(t, refold, http.MethodPost, s.RefoldURL()+"/mcp-servers", `{"name":"Weather","description":"d"}`)).json(t)["_id"].(string)
	note(send(t, refold, http.MethodPut, s.RefoldURL()+"/mcp-servers/"+id, `{"chains":[{"name":"one"},{"name":"two"}]}`))
	note(send(t, refold, http.MethodGet, s.RefoldURL()+"/mcp-servers/none", ""))
	note(send(t, refold, http.MethodPost, s.RefoldURL()+"/linked-account", `{"account_id":"someone"}`))
	token := note(send(t, refold, http.MethodPost, s.RefoldURL()+"/session-token", `{"linked_account_id":"someone"}`)).json(t)["token"].(string)
	note(send(t, http.DefaultClient, http.MethodGet, s.RefoldURL()+"/session/active-linked-account", "", "Authorization", "Bearer "+token))
	note(send(t, cometchat, http.MethodPost, s.CometChatURL()+"/mcp-servers", `{"name":"n","slug":"maps","url":"http://localhost"}`))
	uid := note(send(t, cometchat, http.MethodPost, s.CometChatURL()+"/agents", `{"name":"n","mcpServers":["maps"]}`)).json(t)["agent"].(map[string]any)["uid"].(string)
	note(send(t, cometchat, http.MethodGet, s.CometChatURL()+"/agents/"+uid, ""))
	note(send(t, refold, http.MethodGet, s.RefoldURL()+"/mcp-servers", ""))
	return transcript.String()
}

// Ids, tokens, times and tags: all bytes are the same from run to run, and after a
// reset.
func TestTheSameRequestsAreAnsweredWithTheSameBytes(t *testing.T) {
	t.Parallel()
	start := func(seed uint64) *diglottest.Server {
		return diglottest.New(t, diglottest.WithNow(epoch), diglottest.WithIDSeed(seed))
	}
	s := start(1)
	first := life(t, s)
	require.Equal(t, first, life(t, start(1)))
	require.NotEqual(t, first, life(t, start(2)))
	s.Clock().Advance(time.Hour)
	s.Reset()
	require.Equal(t, first, life(t, s))
}

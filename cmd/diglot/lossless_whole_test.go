package main

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects/refold"
)

// RefoldReadModifyWrite reads some server and sends it back whole, with another name
// and now and then without a description.
func (m *lossless) RefoldReadModifyWrite(t *rapid.T) {
	s := m.one(t)
	name, emptied := aText(t, "name"), rapid.Bool().Draw(t, "emptied")
	r := m.send(t, http.MethodGet, refoldServers+"/"+s.id, "", m.headers["key"])
	require.Equal(t, http.StatusOK, r.status, r.body)
	var whole map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(r.body), &whole))
	whole["name"] = json.RawMessage(name)
	if emptied {
		whole["description"] = json.RawMessage(`""`)
	}
	changes := map[string]string{}
	for name, value := range whole {
		changes[name] = string(value)
	}
	r = m.send(t, http.MethodPut, refoldServers+"/"+s.id, objectOf(changes), m.headers["token"])
	require.Equal(t, http.StatusOK, r.status, r.body)
	s.members["name"] = name
	if _, given := s.members["description"]; given && emptied {
		s.members["description"] = `""`
	}
}

// A description that CometChat's client never gave is empty to Refold's; who sends that
// back gives none.
func TestADescriptionThatWasNeverGivenIsNotMadeEmptyByRefold(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, g *inProcess) {
		_, headers := g.tenant(t, "whole", "aaaaaaaaaaaaaaaaaaaaaaaa", "app-whole")
		for _, revision := range []core.RefoldRevision{core.RefoldLegacy, core.RefoldV3} {
			slug := "maps-" + string(revision)
			byRefold := append([]string{refold.RevisionHeader, string(revision)}, headers["key"]...)
			made := send(t, http.MethodPost, g.url+cometChatServers, `{"name":"n","slug":"`+slug+`","url":"http://localhost"}`, headers["apikey"]...)
			require.Equal(t, http.StatusCreated, made.status, made.body)
			listed := send(t, http.MethodGet, g.url+refoldServers, "", headers["key"]...)
			docs := listed.json(t)["docs"].([]any)
			at := g.url + refoldServers + "/" + docs[len(docs)-1].(map[string]any)["_id"].(string)
			whole := send(t, http.MethodGet, at, "", byRefold...)
			require.Contains(t, whole.body, `"description":""`)
			for _, step := range []struct {
				body string
				want any // as CometChat's client reads it; nil: absent
			}{
				{whole.body, nil}, {`{"description":"d"}`, "d"}, {`{"name":"other"}`, "d"}, {whole.body, ""}, {whole.body, ""},
			} {
				changed := send(t, http.MethodPut, at, step.body, byRefold...)
				require.Equal(t, http.StatusOK, changed.status, changed.body)
				r := send(t, http.MethodGet, g.url+cometChatServers+"/"+slug, "", headers["apikey"]...).json(t)
				require.Equal(t, step.want, r["description"])
				_, has := r["description"]
				require.Equal(t, step.want != nil, has)
			}
		}
	})
}

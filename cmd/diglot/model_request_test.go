package main

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
	"github.com/diglot/diglot/dialects/refold"
)

// caller is who sends a request: a key, or a session's token. Those that ended
// are among them.
type caller struct {
	tenant  *modelTenant
	headers []string
	known   bool
	scope   string // of idempotency keys
	account string // that a token speaks for; empty: it is a key
}

// byKey gives a key of the tenant, the newest most of the time.
func (m *model) byKey(t *rapid.T, tn *modelTenant, dialect core.DialectName) caller {
	var keys []*modelKey
	for _, k := range tn.keys {
		if k.Dialect == dialect {
			keys = append(keys, k)
		}
	}
	k := keys[max(0, len(keys)-1-rapid.SampledFrom([]int{0, 0, 0, 0, 1, 2}).Draw(t, "key"))]
	c := caller{tenant: tn, known: tn.Status == core.TenantActive && k.good(m.now()), scope: "key " + k.ID, headers: []string{"apikey", k.value}}
	if dialect == core.Refold {
		c.headers = []string{"x-api-key", k.value, "linked_account_id", "user", refold.RevisionHeader, string(core.RefoldLegacy)}
	}
	return c
}

// byEither gives a key of Refold's, or the newest session's token, where there is one.
func (m *model) byEither(t *rapid.T, tn *modelTenant) caller {
	if rapid.Bool().Draw(t, "by token") && len(tn.sessions) > 0 {
		return m.bySession(tn.sessions[len(tn.sessions)-1])
	}
	return m.byKey(t, tn, core.Refold)
}

// send sends a request and requires that one by nobody is refused, that one by
// somebody who is known isn't, and that nothing of another tenant is in the answer.
func (m *model) send(t *rapid.T, c caller, method, path, body string, headers ...string) (r reply, known bool) {
	headers = append(slices.Clone(c.headers), headers...)
	r, err := try(context.Background(), method, m.url+path, body, headers...)
	require.NoError(t, err)
	t.Logf("%s: %s %s %s %s: %d %s", c.tenant.mark, method, path, body, strings.Join(headers[2:], " "), r.status, r.body)
	m.requireNothingOfOthers(t, c.tenant, r.body)
	if !c.known {
		require.Equal(t, http.StatusUnauthorized, r.status)
		return r, false
	}
	require.NotEqual(t, http.StatusUnauthorized, r.status)
	return r, true
}

func (m *model) requireNothingOfOthers(t *rapid.T, tn *modelTenant, text string) {
	for _, other := range m.tenants {
		require.True(t, other == tn || !strings.Contains(text, other.mark), "%s is told of %s: %s", tn.mark, other.mark, text)
	}
}

// kept is an answer for whoever asks again.
type kept struct {
	reply

	sent string
	at   time.Time
}

// once sends a creation, now and then with an idempotency key, and reports
// whether it is a new one; then keep says that it was made.
func (m *model) once(t *rapid.T, c caller, operation, path, body string, headers ...string) (r reply, isNew bool, keep func()) {
	key := rapid.SampledFrom([]string{"", "", "one", "two"}).Draw(t, "idempotency key")
	if key != "" {
		headers = append(headers, dialects.IdempotencyKeyHeader, key)
	}
	r, known := m.send(t, c, http.MethodPost, path, body, headers...)
	if !known {
		return r, false, nil
	}
	at := c.scope + " " + operation + " " + key
	before := c.tenant.kept[at]
	switch {
	case key == "" || before == nil || m.now().Sub(before.at) >= core.KeepAnswersFor:
		require.Empty(t, r.header.Get(dialects.ReplayedHeader))
		return r, true, func() { c.tenant.kept[at] = &kept{r, body, m.now()} }
	case before.sent != body:
		require.Equal(t, http.StatusUnprocessableEntity, r.status)
	default:
		require.Equal(t, "true", r.header.Get(dialects.ReplayedHeader))
		require.Equal(t, before.status, r.status)
		require.Equal(t, before.body, r.body)
	}
	return r, false, nil
}

func requireBody(t *rapid.T, want any, r reply) {
	var got any
	require.NoError(t, json.Unmarshal([]byte(r.body), &got))
	require.Equal(t, want, got)
}

// condition gives a header with a condition on a version, and whether it holds;
// the version is empty where there is no such record.
func condition(t *rapid.T, version core.Version) (header []string, holds bool) {
	if version == "" {
		version = missing + "-r1"
	}
	switch rapid.SampledFrom([]string{"", "", "", "this version", "another", "any", "weak"}).Draw(t, "condition") {
	case "this version":
		return []string{"If-Match", `"` + string(version) + `/legacy"`}, true
	case "another":
		return []string{"If-Match", `"` + missing + `-r1", "` + string(version) + `0"`}, false
	case "any":
		return []string{"If-Match", "*"}, true
	case "weak":
		return []string{"If-Match", `W/"` + string(version) + `"`}, false
	}
	return nil, true
}

// done requires that what names a record was refused where it had to be, and
// reports whether it was done.
func done(t *rapid.T, r reply, there, holds bool) bool {
	switch {
	case !there:
		require.Equal(t, http.StatusNotFound, r.status)
	case !holds:
		require.Equal(t, http.StatusPreconditionFailed, r.status)
	default:
		require.Less(t, r.status, 300)
		return true
	}
	return false
}

// requirePage requires a page of a list of the legacy revision.
func requirePage(t *rapid.T, r reply, all []any, page, limit int) {
	require.Equal(t, http.StatusOK, r.status)
	var got struct {
		Docs      []any
		TotalDocs int
	}
	require.NoError(t, json.Unmarshal([]byte(r.body), &got))
	require.Equal(t, len(all), got.TotalDocs)
	from := min((page-1)*limit, len(all))
	require.Equal(t, append([]any{}, all[from:min(from+limit, len(all))]...), got.Docs)
}

// walked requires that a list of CometChat's is walked, as a client does, to
// either side, and that each comes once.
func (m *model) walked(t *rapid.T, tn *modelTenant, path string, want []any) {
	c := m.byKey(t, tn, core.CometChat)
	limit := strconv.Itoa(rapid.IntRange(1, 7).Draw(t, "limit"))
	affix := rapid.SampledFrom([]string{"append", "prepend"}).Draw(t, "affix")
	all := []any{}
	for query := "?limit=" + limit + "&affix=" + affix; query != ""; {
		r, known := m.send(t, c, http.MethodGet, path+query, "")
		if !known {
			return
		}
		require.Equal(t, http.StatusOK, r.status)
		var page struct {
			Data []any
			Meta struct {
				Next, Previous *struct {
					Affix     string
					CreatedAt json.Number
				}
			}
		}
		require.NoError(t, json.Unmarshal([]byte(r.body), &page))
		on := page.Meta.Next
		if affix == "prepend" {
			on, all = page.Meta.Previous, append(page.Data, all...)
		} else {
			all = append(all, page.Data...)
		}
		query = ""
		if on != nil {
			require.Equal(t, affix, on.Affix)
			query = "?limit=" + limit + "&affix=" + affix + "&createdAt=" + on.CreatedAt.String()
		}
		require.LessOrEqual(t, len(all), len(want), "each comes once")
	}
	require.Equal(t, want, all)
}

package testmode

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/diglot/diglot/core"
)

// seedFile is what a seed has, and what it is answered with. Each item is the body
// of the dialect's own operation that creates such a thing; in the answer it is
// what that operation gave.
type seedFile struct {
	Tenants []seedTenant `json:"tenants"`
}

type seedTenant struct {
	Name string `json:"name"`
	// Revision is of a tenant that the seed makes: legacy or v3.
	Revision  core.RefoldRevision `json:"refold_revision,omitempty"`
	Refold    refoldSeed          `json:"refold,omitzero"`
	CometChat cometChatSeed       `json:"cometchat,omitzero"`
}

type refoldSeed struct {
	LinkedAccounts []jsontext.Value `json:"linked_accounts,omitempty"`
	// MCPServers may have members that only an update takes: that follows.
	MCPServers []jsontext.Value `json:"mcp_servers,omitempty"`
}

type cometChatSeed struct {
	MCPServers []jsontext.Value `json:"mcp_servers,omitempty"`
	Agents     []jsontext.Value `json:"agents,omitempty"`
}

// seedError is why a seed was not planted: what is at the pointer was refused.
type seedError struct {
	pointer, detail string
}

// Error implements error.
func (e *seedError) Error() string { return told(e.pointer, e.detail) }

// Seed makes what a seed says, YAML or JSON, through the dialects' own operations,
// so that what they would refuse is refused here too. Tenants that there are not
// are made. It gives what the operations answered, as JSON. In memory a seed that
// fails leaves nothing behind.
func (m *Mode) Seed(ctx context.Context, text []byte) ([]byte, error) {
	asJSON, err := jsonOf(text)
	if err != nil {
		return nil, err
	}
	var file seedFile
	if err := json.Unmarshal(asJSON, &file, json.RejectUnknownMembers(true)); err != nil {
		return nil, unreadable(err)
	}
	m.changing.Lock()
	defer m.changing.Unlock()
	undo := m.state.undo()
	for i := range file.Tenants {
		p := planter{m, ctx, &file.Tenants[i], fmt.Sprintf("/tenants/%d", i), Credentials{}}
		if err := p.plant(); err != nil {
			if undo != nil {
				undo()
			}
			return nil, err
		}
	}
	return json.Marshal(file)
}

// planter makes what a seed says of one tenant.
type planter struct {
	mode *Mode
	ctx  context.Context //nolint:containedctx // of one call
	*seedTenant

	at   string // JSON pointer
	with Credentials
}

func (p *planter) plant() error {
	if err := p.tenant(); err != nil {
		return err
	}
	for _, part := range []struct {
		at    string
		items []jsontext.Value
		make  func(jsontext.Value) (jsontext.Value, error)
	}{
		{"/refold/linked_accounts", p.Refold.LinkedAccounts, p.refold(http.MethodPost, "/linked-account")},
		{"/refold/mcp_servers", p.Refold.MCPServers, p.refoldServer},
		{"/cometchat/mcp_servers", p.CometChat.MCPServers, p.cometChat("/mcp-servers")},
		{"/cometchat/agents", p.CometChat.Agents, p.cometChat("/agents")},
	} {
		for i, item := range part.items {
			made, err := part.make(item)
			if err != nil {
				return &seedError{fmt.Sprintf("%s%s/%d", p.at, part.at, i), err.Error()}
			}
			part.items[i] = made
		}
	}
	return nil
}

// tenant makes the tenant where there is none of its name. Of one that an operator
// made in memory no key is known: it gets those of its name. Conflict for one in a
// database that test mode did not make.
func (p *planter) tenant() error {
	o := p.mode.backend.Operator
	with, known := p.mode.known.get(p.Name)
	if !known {
		with = Tenant{Name: p.Name, Revision: p.Revision}
	}
	p.with = with.Credentials()
	t, err := o.Tenant(p.ctx, p.Name)
	switch {
	case core.KindOf(err) == core.NotFound:
		err = p.mode.state.create(p.ctx, with)
	case err == nil:
		if err := p.mode.state.seeds(t); err != nil {
			return err
		}
		if !known {
			err = with.addKeys(p.ctx, o, t)
		}
	}
	if err != nil {
		return &seedError{p.at, "can't be made: " + err.Error()}
	}
	p.mode.known.add(with)
	return nil
}

// addKeys gives a tenant the keys of its name, unless it has them.
func (t Tenant) addKeys(ctx context.Context, o *core.Operator, made core.Tenant) error {
	ctx = core.WithActor(ctx, actor)
	c := t.Credentials()
	for _, key := range []core.NewKey{{Dialect: core.Refold, Value: c.RefoldKey}, {Dialect: core.CometChat, Value: c.CometChatKey}} {
		if key.Dialect == core.Refold && made.Refold == nil || key.Dialect == core.CometChat && made.CometChat == nil {
			continue
		}
		if _, err := o.IssueKey(ctx, made, key); err != nil && core.KindOf(err) != core.Conflict {
			return err
		}
	}
	return nil
}

func (p *planter) refold(method, path string) func(jsontext.Value) (jsontext.Value, error) {
	return func(body jsontext.Value) (jsontext.Value, error) {
		return p.send(method, refoldPath+path, body, map[string]string{"X-Api-Key": p.with.RefoldKey, "Linked_account_id": Account})
	}
}

func (p *planter) cometChat(path string) func(jsontext.Value) (jsontext.Value, error) {
	return func(body jsontext.Value) (jsontext.Value, error) {
		return p.send(http.MethodPost, cometChatPath+path, body, map[string]string{"Apikey": p.with.CometChatKey})
	}
}

// refoldServer creates a server and then updates it with what its creation does not
// take.
func (p *planter) refoldServer(body jsontext.Value) (jsontext.Value, error) {
	made, err := p.refold(http.MethodPost, "/mcp-servers")(body)
	if err != nil {
		return nil, err
	}
	var rest map[string]jsontext.Value
	if err := json.Unmarshal(body, &rest); err != nil {
		return nil, err
	}
	delete(rest, "name")
	delete(rest, "description")
	if len(rest) == 0 {
		return made, nil
	}
	var server struct {
		ID string `json:"_id"`
	}
	if err := json.Unmarshal(made, &server); err != nil {
		return nil, err
	}
	update, err := json.Marshal(rest, json.Deterministic(true))
	if err != nil {
		return nil, err
	}
	return p.refold(http.MethodPut, "/mcp-servers/"+server.ID)(update)
}

// send asks the gateway, in this process. The journal does not see it and no fault
// meets it.
func (p *planter) send(method, path string, body []byte, headers map[string]string) (jsontext.Value, error) {
	r, err := http.NewRequestWithContext(p.ctx, method, "http://localhost"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	for name, value := range headers {
		r.Header[name] = []string{value}
	}
	a := answer{header: http.Header{}}
	p.mode.backend.Gateway.ServeHTTP(&a, r)
	if a.status < http.StatusOK || a.status >= http.StatusMultipleChoices {
		return nil, fmt.Errorf("is refused with %d: %s", a.status, strings.TrimSpace(a.body.String()))
	}
	return jsontext.Value(a.body.Bytes()), nil
}

// answer is what the gateway answered in this process.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements [http.ResponseWriter].
func (a *answer) Header() http.Header { return a.header }

// WriteHeader implements [http.ResponseWriter].
func (a *answer) WriteHeader(status int) { a.status = status }

// Write implements [http.ResponseWriter].
func (a *answer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return a.body.Write(b)
}

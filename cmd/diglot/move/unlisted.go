package move

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

// This file is about agents that list a server which a catch-up removes: a target may
// take it off their lists, which is then the run's own doing.

// removeFollowed removes a record at the target, and enters how that has left the
// agents that were as the run had left them.
func (e *Engine) removeFollowed(ctx context.Context, entry *Entry, c *catchUp) error {
	agents, err := e.listing(ctx, entry, c)
	if err != nil {
		return err
	}
	if err := e.To.Delete(ctx, entry.Record.Kind, entry.There); err != nil && !errors.Is(err, ErrGone) {
		return err
	}
	if entry.Record.Kind == finding.Server {
		e.note(func() { delete(e.slugs, entry.Slug) })
	}
	for _, agent := range agents {
		if err := e.unlist(ctx, agent, c); err != nil {
			return err
		}
	}
	return nil
}

// listing gives the agents that list a server and are as the run has left them. Which
// ones list any is read once in a catch-up.
func (e *Engine) listing(ctx context.Context, server *Entry, c *catchUp) (agents []*Entry, err error) {
	if server.Record.Kind != finding.Server || server.ToSlug == "" || !e.To.Takes(finding.Agent) {
		return nil, nil
	}
	if c.lists == nil {
		c.lists = map[string][]string{}
		for _, entry := range e.Run.Entries() {
			if entry.Record.Kind != finding.Agent || entry.State != Done {
				continue
			}
			if c.lists[entry.key()], err = e.listed(ctx, entry); err != nil {
				c.lists = nil
				return nil, err
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(c.lists)) {
		if !slices.Contains(c.lists[key], server.ToSlug) {
			continue
		}
		entry := e.Run.entry(key)
		now, err := e.listed(ctx, entry)
		if err != nil {
			return nil, err
		}
		if slices.Contains(now, server.ToSlug) {
			agents = append(agents, entry)
		}
	}
	return agents, nil
}

// listed gives the slugs that an agent lists at the target; of one that isn't as the run
// has left it, none.
func (e *Engine) listed(ctx context.Context, agent *Entry) (slugs []string, err error) {
	there, err := e.To.Read(ctx, finding.Agent, agent.There)
	switch {
	case errors.Is(err, ErrGone), ofOneAnswer(err): // what can't be read keeps no server
		return nil, nil
	case err != nil:
		return nil, err
	case fingerprint(there) != agent.Left:
		return nil, nil
	}
	dialects.Members(there, func(name string, list core.JSON) {
		if name == "mcp_servers" || name == "mcpServers" {
			dialects.Elements(list, func(slug core.JSON) bool {
				text, _ := jsontext.AppendUnquote(nil, slug) // what is no text is no slug
				slugs = append(slugs, string(text))
				return true
			})
		}
	})
	return slugs, nil
}

// unlist enters how a removal has left an agent, and, if the source has it as it was
// when it was moved, what is not the same there now.
func (e *Engine) unlist(ctx context.Context, agent *Entry, c *catchUp) error {
	there, err := e.To.Read(ctx, finding.Agent, agent.There)
	if errors.Is(err, ErrGone) || err == nil && fingerprint(there) == agent.Left {
		return nil
	}
	if err != nil {
		return err
	}
	next := *agent
	next.Left = fingerprint(there)
	r, is := c.agents[agent.key()]
	if !is {
		return e.keep(&next)
	}
	item, err := e.read(ctx, r)
	if err != nil || fingerprint(item.Text) != agent.Took {
		return e.keep(&next) // the next catch-up sees to what the source has
	}
	now, err := e.intend(item)
	if err != nil {
		return err
	}
	next.Findings = now.Findings
	return e.made(ctx, e.placed(item, agent), &next, Made{agent.There, agent.ToSlug, there}, nil)
}

package move

import (
	"context"
	"strconv"

	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/cmd/diglot/move/mapping"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects/cometchat/client"
)

// CometChat is an app at the vendor, or at what speaks its API, as a source and
// as a target. Servers are found by their slugs, which stay; it makes agents' uids,
// which are found by their names.
type CometChat struct {
	atVendor

	client *client.Client
}

// NewCometChat makes it; template gives urls to Diglot's servers that have none. A
// list may show less of agents than a read.
func NewCometChat(c *client.Client, template string) *CometChat {
	v := &CometChat{client: c}
	v.pushed = pushed{vendor: core.CometChat, tenant: core.Tenant{URLTemplate: template}}
	v.kinds = map[finding.Kind]kindAt{}
	v.kinds[finding.Server] = kindOf(c.MCPServers, true, c.MCPServer, c.DeleteMCPServer,
		func(s *client.MCPServer) listed { return listed{id: s.Slug.Value, name: s.Slug.Value, text: s.Text} })
	v.kinds[finding.Agent] = kindOf(c.Agents, false, c.Agent, c.DeleteAgent,
		func(a *client.Agent) listed { return listed{id: a.UID.Value, name: a.Name.Value, text: a.Text} })
	return v
}

// CometChatTarget is CometChat as a [Target].
type CometChatTarget struct{ *CometChat }

// Read implements [Target].
func (c CometChatTarget) Read(ctx context.Context, kind finding.Kind, id string) (core.JSON, error) {
	return c.kinds[kind].read(ctx, id)
}

// InPlace implements [Target].
func (c CometChatTarget) InPlace(_ context.Context, item *Item) ([]Existing, error) {
	switch {
	case item.Server != nil:
		return c.find(finding.Server, slugOf(item), "slug"), nil
	case item.Agent != nil:
		return c.find(finding.Agent, item.Agent.Name, "name"), nil
	}
	return nil, nil
}

// slugOf gives a server's slug; one of Refold's has none yet and gets what an
// import would give it where nothing has that.
func slugOf(item *Item) string {
	if item.Server.Slug == "" {
		item.Server.Slug = core.SlugFor(item.Server.Name)
		if item.Server.Slug == "" {
			item.Server.Slug = item.Server.ID.String()
		}
	}
	return item.Server.Slug
}

// Rename implements [Target].
func (c CometChatTarget) Rename(item *Item, _ string, n int) {
	switch {
	case item.Server != nil:
		item.Server.Slug = slugOf(item) + "-" + strconv.Itoa(n)
	case item.Agent != nil:
		item.Agent.Name += " (" + strconv.Itoa(n) + ")"
	}
}

// Create implements [Target].
func (c CometChatTarget) Create(ctx context.Context, item *Item) (Made, error) {
	switch {
	case item.Server != nil:
		slugOf(item)
		in, err := mapping.CometChatPush(&c.tenant, item.Server)
		if err != nil {
			return Made{}, err
		}
		s, err := c.client.CreateMCPServer(ctx, in)
		if err != nil {
			return Made{}, err
		}
		c.addMade(finding.Server, in.Slug, in.Slug)
		return Made{in.Slug, in.Slug, s.Text}, nil
	case item.Agent != nil:
		a, err := c.client.CreateAgent(ctx, mapping.CometChatAgentPush(item.Agent))
		if err != nil {
			return Made{}, err
		}
		c.addMade(finding.Agent, item.Agent.Name, a.UID.Value)
		return Made{ID: a.UID.Value, Text: a.Text}, nil
	}
	return Made{}, errNotTaken
}

// Adopt implements [Target].
func (c CometChatTarget) Adopt(ctx context.Context, item *Item, id string) (Made, error) {
	return c.push(ctx, item, id, nil)
}

// Update implements [Target]. An icon that the source has no more is taken away by
// itself: a vendor that takes no empty one is told of none by the usual update.
func (c CometChatTarget) Update(ctx context.Context, item *Item, id string) (Made, error) {
	if !c.Takes(item.Record.Kind) {
		return Made{}, errNotTaken
	}
	there, err := c.replaced(ctx, item, id)
	if err != nil {
		return Made{ID: id}, err
	}
	return c.push(ctx, item, id, there)
}

// push writes an item onto a record. What is there, as far as that was read, and not
// given is emptied.
func (c CometChatTarget) push(ctx context.Context, item *Item, id string, there core.JSON) (Made, error) {
	made, e := Made{ID: id}, newEmptying(there)
	switch {
	case item.Server != nil:
		in, err := mapping.CometChatPush(&c.tenant, item.Server)
		if err != nil {
			return made, err
		}
		u := client.MCPServerUpdate{Name: &in.Name, Description: in.Description, URL: &in.URL}
		if in.Icon != "" {
			u.Icon = &in.Icon
		}
		s, err := orWithout(e, e.cometChatServer(u), u, func(u client.MCPServerUpdate) (*client.MCPServer, error) {
			return c.client.UpdateMCPServer(ctx, id, u)
		})
		if err == nil && in.Icon == "" && s.Icon.Value != "" {
			bare, refused := c.client.UpdateMCPServer(ctx, id, client.MCPServerUpdate{Icon: new("")})
			switch {
			case refused == nil:
				s = bare
			case !ofOneRecord(refused):
				err = refused
			}
		}
		if err != nil {
			return made, goneAt(err)
		}
		made.Slug, made.Text = id, s.Text
		return made, nil
	case item.Agent != nil:
		in := mapping.CometChatAgentPush(item.Agent)
		_, err := orWithout(e, e.cometChatAgent(in), in, func(in client.AgentInput) (struct{}, error) {
			return struct{}{}, c.client.UpdateAgent(ctx, id, in)
		})
		if err != nil {
			return made, goneAt(err)
		}
		a, err := c.client.Agent(ctx, id)
		if err == nil && item.Agent.Icon == "" && a.Icon.Value != "" {
			if err = c.client.UpdateAgent(ctx, id, client.AgentInput{Icon: new("")}); err == nil {
				a, err = c.client.Agent(ctx, id)
			}
		}
		if err != nil {
			return made, goneAt(err)
		}
		made.Text = a.Text
		return made, nil
	}
	return Made{}, errNotTaken
}

// Restore implements [Target].
func (c CometChatTarget) Restore(ctx context.Context, kind finding.Kind, id string, before core.JSON) error {
	return c.restore(ctx, c, kind, id, before)
}

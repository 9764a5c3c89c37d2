package mapping

import (
	"github.com/diglot/diglot/cmd/diglot/move/finding"
	"github.com/diglot/diglot/core"
)

// Row is what becomes of one documented member of a vendor's record. Its
// classes are those of values that are as documented; a value of which less
// goes along is found when its record is compared.
type Row struct {
	Vendor core.DialectName
	Kind   finding.Kind
	Member string
	Core   string // the field that keeps it; "": none
	Other  string // the other vendor's member that shows it; "": none

	// Kept is in Diglot, as clients of the same vendor read it there. Shown is
	// in Diglot, as clients of the other vendor do. Pushed is at the vendor, where
	// the record was written by way of its API.
	Kept, Shown, Pushed finding.Class

	// Why, for each of the three that isn't exact, and what can be done.
	WhyKept, WhyShown, WhyPushed string
	Suggestion                   string

	// Parts are those of an element that Pushed is about; nil: the whole member.
	Parts []string

	// Partial: some of the vendor's answers about a record have it, others not.
	Partial bool
	// Given: what is pushed gets one, whether or not the source has one.
	Given bool
}

// The words that many rows share.
const (
	noAgents     = "Refold has no agents."
	noAccounts   = "CometChat has no linked accounts."
	noSuch       = "CometChat's servers have no such member."
	vendorMints  = "The vendor makes it anew."
	noRequest    = "No request of the vendor's takes it."
	ownOperation = "The vendor sets it through operations of their own."
	viaUI        = "Set it at the vendor by hand."
	oneApp       = "It is the tenant's, not the record's."
	setAddress   = "Give the tenant the vendor's own address: diglot tenant create or update."
)

// Table is the one table of mappings, in the order of the vendors' documents.
var Table = append(append([]Row{}, refoldTable()...), cometChatTable()...)

func refoldTable() []Row {
	const server, account = finding.Server, finding.Account
	row := func(kind finding.Kind, member, field string, r Row) Row {
		r.Vendor, r.Kind, r.Member, r.Core = core.Refold, kind, member, field
		return r
	}
	unshown := func(r Row) Row {
		r.Shown, r.WhyShown = finding.Unsupported, noSuch
		return r
	}
	ofAccount := func(r Row) Row {
		r.Shown, r.WhyShown = finding.Unsupported, noAccounts
		return r
	}
	address := Row{
		Kept: finding.Manual, WhyKept: oneApp, Shown: finding.Manual, WhyShown: "CometChat has one app for an org and environment.",
		Pushed: finding.Manual, WhyPushed: "The key that is pushed with decides it.", Suggestion: setAddress,
	}
	minted := Row{Pushed: finding.Manual, WhyPushed: vendorMints, Suggestion: "Have clients use the one that diglot move report --format ids names."}
	times := Row{Pushed: finding.Unsupported, WhyPushed: noRequest}
	branding := func(name, field, suggestion string) Row {
		r := unshown(Row{Suggestion: suggestion})
		if suggestion != "" {
			r.Shown = finding.Manual
		}
		return row(server, name, "MCPServer.Branding."+field, r)
	}
	id := minted
	id.Shown, id.WhyShown = finding.Manual, "CometChat's clients name a server by its slug, which is made of its name."
	created, updated := times, times
	created.Other, updated.Other = "createdAt", "updatedAt"
	resources := unshown(Row{Pushed: finding.Unsupported, WhyPushed: noRequest, Suggestion: viaUI})
	return []Row{
		row(server, "_id", "MCPServer.ID", id),
		row(server, "name", "MCPServer.Name", Row{Other: "name"}),
		row(server, "description", "MCPServer.Description", Row{Other: "description"}),
		row(server, "associated_org_id", "Tenant.Refold.OrgID", address),
		row(server, "environment", "Tenant.Refold.Environment", address),
		row(server, "suggestions", "MCPServer.Suggestions", unshown(Row{})),
		row(server, "associated_apps", "MCPServer.AssociatedApps", unshown(Row{})),
		row(server, "resources", "MCPServer.Resources", resources),
		row(server, "notebooks", "MCPServer.Notebooks", resources),
		row(server, "chains", "MCPServer.Chains", unshown(Row{
			Pushed: finding.Approximate, WhyPushed: "The vendor gives each chain a new _id.", Parts: []string{"_id"},
		})),
		branding("agent_name", "AgentName", "Make an agent of that name that lists the server."),
		branding("primary_color", "PrimaryColor", ""),
		branding("secondary_color", "SecondaryColor", ""),
		branding("base_prompt", "BasePrompt", "Make an agent with that instruction that lists the server."),
		branding("safe_mode", "SafeMode", ""),
		row(server, "createdAt", "MCPServer.CreatedAt", created),
		row(server, "updatedAt", "MCPServer.UpdatedAt", updated),
		row(server, "__v", "", Row{
			Kept: finding.Unsupported, WhyKept: "Diglot counts revisions of its own, and answers 0 to a change.",
			Shown: finding.Unsupported, WhyShown: noSuch, Pushed: finding.Unsupported, WhyPushed: noRequest, Partial: true,
		}),

		row(account, "_id", "Account.ObjectID", ofAccount(minted)),
		row(account, "associated_org", "Tenant.Refold.OrgID", ofAccount(address)),
		row(account, "account_id", "Account.ID", ofAccount(Row{})),
		row(account, "environment", "Tenant.Refold.Environment", ofAccount(address)),
		row(account, "name", "Account.Name", ofAccount(Row{})),
		row(account, "udf", "Account.Fields", ofAccount(Row{
			Pushed: finding.Approximate, WhyPushed: "The vendor gives each field a new _id and new times.", Parts: []string{"_id", "createdAt", "updatedAt"},
		})),
		row(account, "integrations", "", ofAccount(Row{
			Kept: finding.Unsupported, WhyKept: "Diglot keeps no integrations.", Pushed: finding.Unsupported, WhyPushed: noRequest,
			Suggestion: "Have the users connect their applications where they are to be used.", Partial: true,
		})),
		row(account, "createdAt", "Account.CreatedAt", ofAccount(times)),
		row(account, "updatedAt", "Account.UpdatedAt", ofAccount(times)),
		row(account, "__v", "Account.Version", ofAccount(Row{Pushed: finding.Approximate, WhyPushed: vendorMints})),
		row(account, "new_account", "", ofAccount(Row{
			Kept: finding.Unsupported, WhyKept: "It is of the answer to an upsert, not of the account.",
			Pushed: finding.Unsupported, WhyPushed: noRequest, Partial: true,
		})),
	}
}

func cometChatTable() []Row {
	const server, agent = finding.Server, finding.Agent
	row := func(kind finding.Kind, member, field string, r Row) Row {
		r.Vendor, r.Kind, r.Member, r.Core = core.CometChat, kind, member, field
		if kind == agent {
			r.Shown, r.WhyShown = finding.Unsupported, noAgents
		}
		return r
	}
	unshown := Row{Shown: finding.Unsupported, WhyShown: "Refold's servers have no such member."}
	url := unshown
	url.Given = true // by a template
	app := Row{
		Kept: finding.Manual, WhyKept: oneApp, Shown: finding.Manual, WhyShown: "Refold has an org and an environment for an app.",
		Pushed: finding.Manual, WhyPushed: "The key that is pushed with decides it.", Suggestion: setAddress,
	}
	ofAgent := app
	ofAgent.Partial = true
	times := Row{Pushed: finding.Unsupported, WhyPushed: noRequest}
	created, updated := times, times
	created.Other, updated.Other = "createdAt", "updatedAt"
	apart := Row{Pushed: finding.Unsupported, WhyPushed: ownOperation, Suggestion: viaUI}
	return []Row{
		row(server, "_id", "MCPServer.Slug", Row{
			Kept: finding.Approximate, WhyKept: "It is made of the app's id and the slug.", Shown: finding.Manual,
			WhyShown: "Refold's clients name a server by an _id of their own, which Diglot makes.",
			Pushed:   finding.Approximate, WhyPushed: vendorMints, Given: true,
		}),
		row(server, "appId", "Tenant.CometChat.AppID", app),
		row(server, "slug", "MCPServer.Slug", Row{
			Shown: finding.Manual, WhyShown: "Refold's clients name a server by an _id of their own, which Diglot makes.", Given: true,
		}),
		row(server, "name", "MCPServer.Name", Row{Other: "name"}),
		row(server, "description", "MCPServer.Description", Row{Other: "description"}),
		row(server, "url", "MCPServer.URL", url),
		row(server, "icon", "MCPServer.Icon", unshown),
		row(server, "createdAt", "MCPServer.CreatedAt", created),
		row(server, "updatedAt", "MCPServer.UpdatedAt", updated),

		row(agent, "uid", "Agent.UID", Row{
			Pushed: finding.Manual, WhyPushed: vendorMints, Suggestion: "Have clients use the one that diglot move report --format ids names.",
		}),
		row(agent, "appId", "Tenant.CometChat.AppID", ofAgent),
		row(agent, "name", "Agent.Name", Row{}),
		row(agent, "icon", "Agent.Icon", Row{}),
		row(agent, "isActive", "Agent.Active", Row{}),
		row(agent, "description", "Agent.Description", Row{}),
		row(agent, "tools", "Agent.Tools", Row{}),
		row(agent, "files", "Agent.Files", apart),
		row(agent, "websites", "Agent.Websites", apart),
		row(agent, "otherKbIntegrations", "Agent.OtherKBIntegrations", apart),
		row(agent, "apiTools", "Agent.APITools", Row{}),
		row(agent, "mcpServers", "Agent.MCPServers", Row{}),
		row(agent, "frontendActions", "Agent.FrontendActions", apart),
		row(agent, "ragVersion", "", Row{
			Kept: finding.Approximate, WhyKept: "Every agent's is v2 in Diglot.", Pushed: finding.Approximate, WhyPushed: noRequest,
		}),
		row(agent, "lastMessageAt", "", Row{
			Kept: finding.Unsupported, WhyKept: "Nobody writes to an agent in Diglot.", Pushed: finding.Unsupported, WhyPushed: noRequest,
		}),
		row(agent, "instruction", "Agent.Instruction", Row{}),
		row(agent, "formattedInstruction", "Agent.Instruction", Row{
			Kept: finding.Approximate, WhyKept: "Diglot shows the instruction there.", Pushed: finding.Approximate, WhyPushed: vendorMints,
		}),
		row(agent, "metaData", "Agent.Metadata", Row{}),
		row(agent, "model", "Agent.Model", Row{}),
		row(agent, "modelMetaData", "Agent.ModelMetadata", Row{}),
		row(agent, "createdAt", "Agent.CreatedAt", times),
		row(agent, "updatedAt", "Agent.UpdatedAt", times),
	}
}

// rowOf gives the row of a member, nil where nobody documents it.
func rowOf(vendor string, kind finding.Kind, member string) *Row {
	for i := range Table {
		if r := &Table[i]; string(r.Vendor) == vendor && r.Kind == kind && r.Member == member {
			return r
		}
	}
	return nil
}

// Fate is one of the things that become of a record.
type Fate int

// The fates, see [Row].
const (
	Kept Fate = iota
	Shown
	Pushed
	// Crossed is at the other vendor, where the record was written by way of its
	// API: what is not shown to that one's clients can't be, and of what is, what
	// the table says of pushing the member that shows it.
	Crossed
)

// across reports whether a fate is in the other vendor's form.
func (f Fate) across() bool { return f == Shown || f == Crossed }

var otherVendor = map[core.DialectName]core.DialectName{core.Refold: core.CometChat, core.CometChat: core.Refold}

// class gives what the row says of a fate.
func (r *Row) class(f Fate) (finding.Class, string) {
	switch f {
	case Shown:
		return r.Shown, r.WhyShown
	case Pushed:
		return r.Pushed, r.WhyPushed
	case Crossed:
		if r.Other == "" {
			return r.Shown, r.WhyShown
		}
		return rowOf(string(otherVendor[r.Vendor]), r.Kind, r.Other).class(Pushed)
	case Kept:
	}
	return r.Kept, r.WhyKept
}

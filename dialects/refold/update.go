package refold

import (
	"slices"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

// updateMCPServerRequest is patch-style: what is not sent stays. Members that
// the vendor does not know are dropped at the top level and kept inside
// suggestions, apps and chains.
type updateMCPServerRequest struct {
	path   serverPath
	update core.MCPServerUpdate
}

// updateBody is the wire form. The branding members belong to the vendor's
// newer generation; they are kept from either.
type updateBody struct {
	Name           dialects.String `json:"name"`
	Description    dialects.String `json:"description"`
	Suggestions    dialects.Array  `json:"suggestions"`
	Chains         dialects.Array  `json:"chains"`
	AssociatedApps dialects.Array  `json:"associated_apps"`
	AgentName      dialects.String `json:"agent_name"`
	PrimaryColor   dialects.String `json:"primary_color"`
	SecondaryColor dialects.String `json:"secondary_color"`
	BasePrompt     dialects.String `json:"base_prompt"`
	SafeMode       dialects.Bool   `json:"safe_mode"`
}

// maxChains bounds what one request can make of its 1 MiB: each chain gets an
// id and a name for it, and every later reader is sent them all.
const maxChains = 1000

// Bind reads the request. Each member that is sent has to have its documented
// type; null has not.
func (in *updateMCPServerRequest) Bind(r *dialects.Request) error {
	if err := in.path.Bind(r); err != nil {
		return err
	}
	only, err := r.IfMatch()
	if err != nil {
		return err
	}
	var body updateBody
	if err := r.JSON(&body); err != nil {
		return err
	}
	update, ok := body.toCore()
	if !ok {
		return errInvalidBody
	}
	update.If = only
	in.update = update
	return nil
}

func (b *updateBody) toCore() (u core.MCPServerUpdate, ok bool) {
	ok = true
	str := func(f dialects.String) *string { return given(&ok, f.Field) }
	u = core.MCPServerUpdate{
		Name: str(b.Name), Description: str(b.Description), KeepNoDescription: true,
		Branding: core.Branding{
			AgentName: str(b.AgentName), PrimaryColor: str(b.PrimaryColor), SecondaryColor: str(b.SecondaryColor),
			BasePrompt: str(b.BasePrompt), SafeMode: given(&ok, b.SafeMode.Field),
		},
	}
	if given(&ok, b.Suggestions.Field) != nil {
		ok = ok && all(b.Suggestions.Value, isSuggestion)
		u.Suggestions = b.Suggestions.Text()
	}
	if given(&ok, b.AssociatedApps.Field) != nil {
		ok = ok && all(b.AssociatedApps.Value, isApp)
		u.AssociatedApps = b.AssociatedApps.Text()
	}
	if given(&ok, b.Chains.Field) != nil {
		ok = ok && len(b.Chains.Value) <= maxChains
		chains := make([]core.JSON, len(b.Chains.Value))
		for i, c := range b.Chains.Value {
			fields, isChain := chainFields(c)
			ok = ok && isChain
			chains[i] = fields
		}
		u.Chains = &chains
	}
	return u, ok && (u.Name == nil || *u.Name != "")
}

// given gives a member's value, nil where it is absent; a member that is null
// or of another type clears ok.
func given[T any](ok *bool, f dialects.Field[T]) *T {
	switch f.Presence {
	case dialects.Absent:
		return nil
	case dialects.Given:
		return &f.Value
	case dialects.Null, dialects.Wrong:
	}
	*ok = false
	return nil
}

func all(elements []core.JSON, is func(core.JSON) bool) bool {
	for _, e := range elements {
		if !is(e) {
			return false
		}
	}
	return true
}

func isString(v core.JSON) bool { return v[0] == '"' }

func isNull(v core.JSON) bool { return v[0] == 'n' }

// isText takes null too, as mongoose does of each member that is not required.
func isText(v core.JSON) bool { return isString(v) || isNull(v) }

// typed reports whether text is an object whose members of these names, where
// it has them, are of these types; of one that is there twice the last counts.
// Other members are nobody's business.
func typed(text core.JSON, members map[string]func(core.JSON) bool) bool {
	var wrong []string
	isObject := dialects.Members(text, func(name string, v core.JSON) {
		is, known := members[name]
		switch at := slices.Index(wrong, name); {
		case !known || is(v) == (at < 0):
		case at < 0:
			wrong = append(wrong, name)
		default:
			wrong = slices.Delete(wrong, at, at+1)
		}
	})
	return isObject && len(wrong) == 0
}

var suggestionMembers = map[string]func(core.JSON) bool{"name": isText, "prompt": isText}

func isSuggestion(v core.JSON) bool { return typed(v, suggestionMembers) }

var appMembers = map[string]func(core.JSON) bool{"slug": isText, "workflows": isItems, "actions": isItems}

func isApp(v core.JSON) bool { return typed(v, appMembers) }

var itemMembers = map[string]func(core.JSON) bool{"id": isText, "name": isText, "description": isText}

// isItems takes workflows and actions as objects, as the vendor's examples
// have them, or as strings, as its schema has them: contract 2.12.
func isItems(v core.JSON) bool {
	return isNull(v) || dialects.Elements(v, func(e core.JSON) bool { return isString(e) || typed(e, itemMembers) })
}

var chainMembers = map[string]func(core.JSON) bool{
	"name": isText, "goals": isText, "steps": isText, "precheck": isText,
	"successCondition": isText, "responseFormat": isText, "onError": isText,
}

// chainFields gives a chain as it is kept: without the _id that a client which
// sends back what it read has in it, since each chain gets a new one.
func chainFields(v core.JSON) (core.JSON, bool) {
	if !typed(v, chainMembers) {
		return nil, false
	}
	return dialects.Without(v, "_id"), true
}

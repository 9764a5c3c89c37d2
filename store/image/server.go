package image

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/diglot/diglot/core"
)

// Server gives a server's image.
func Server(s *core.MCPServer) Members {
	return Members{
		{"id", Text(s.ID.String())},
		{"slug", Text(s.Slug)},
		{"name", Text(s.Name)},
		{"description", OptText(s.Description)},
		{"url", Text(s.URL)},
		{"icon", Text(s.Icon)},
		{"suggestions", s.Suggestions},
		{"associated_apps", s.AssociatedApps},
		{"resources", s.Resources},
		{"notebooks", s.Notebooks},
		{"chains", Chains(s.Chains)},
		{"agent_name", OptText(s.Branding.AgentName)},
		{"primary_color", OptText(s.Branding.PrimaryColor)},
		{"secondary_color", OptText(s.Branding.SecondaryColor)},
		{"base_prompt", OptText(s.Branding.BasePrompt)},
		{"safe_mode", OptBool(s.Branding.SafeMode)},
		{"place", Int(int64(s.Place))},
		{"created_at", Time(s.CreatedAt)},
		{"updated_at", Time(s.UpdatedAt)},
		{"revision", Int(s.Revision)},
	}
}

// applyServer puts an image's members into a server; others stay.
func applyServer(s *core.MCPServer, image core.JSON) error {
	members, err := split(image)
	if err != nil {
		return err
	}
	for _, m := range members {
		if err := applyMember(s, m.Name, m.Value); err != nil {
			return fmt.Errorf("member %s of an image: %w", m.Name, err)
		}
	}
	return nil
}

func applyMember(s *core.MCPServer, name string, value core.JSON) (err error) {
	null := string(value) == "null"
	kept := value // of what is kept as it came
	if null {
		kept = nil
	}
	switch name {
	case "id":
		var text string
		if err = json.Unmarshal(value, &text); err == nil {
			var ok bool
			if s.ID, ok = core.ParseObjectID(text); !ok {
				err = fmt.Errorf("%q is no id", text)
			}
		}
	case "slug":
		err = json.Unmarshal(value, &s.Slug)
	case "name":
		err = json.Unmarshal(value, &s.Name)
	case "description":
		err = opt(&s.Description, value)
	case "url":
		err = json.Unmarshal(value, &s.URL)
	case "icon":
		err = json.Unmarshal(value, &s.Icon)
	case "suggestions":
		s.Suggestions = kept
	case "associated_apps":
		s.AssociatedApps = kept
	case "resources":
		s.Resources = kept
	case "notebooks":
		s.Notebooks = kept
	case "chains":
		s.Chains, err = ParseChains(kept)
	case "agent_name":
		err = opt(&s.Branding.AgentName, value)
	case "primary_color":
		err = opt(&s.Branding.PrimaryColor, value)
	case "secondary_color":
		err = opt(&s.Branding.SecondaryColor, value)
	case "base_prompt":
		err = opt(&s.Branding.BasePrompt, value)
	case "safe_mode":
		err = opt(&s.Branding.SafeMode, value)
	case "place":
		var place int64
		place, err = strconv.ParseInt(string(value), 10, 64)
		s.Place = core.Place(place)
	case "created_at":
		err = moment(&s.CreatedAt, value)
	case "updated_at":
		err = moment(&s.UpdatedAt, value)
	case "revision":
		s.Revision, err = strconv.ParseInt(string(value), 10, 64)
	}
	return err
}

func opt[T any](field **T, value core.JSON) error {
	*field = nil
	return json.Unmarshal(value, field)
}

func moment(field *time.Time, value core.JSON) error {
	var text string
	if err := json.Unmarshal(value, &text); err != nil {
		return err
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	*field = t.UTC()
	return err
}

// split gives the members of an image, whatever is in them: they may be nested
// more deeply than encoding/json reads.
func split(image core.JSON) (members Members, err error) {
	rest := string(image)
	malformed := fmt.Errorf("an image is malformed: %.60q", rest)
	if len(rest) < 2 || rest[0] != '{' {
		return nil, malformed
	}
	for rest = rest[1:]; ; rest = rest[1:] {
		if rest == "}" {
			return members, nil
		}
		name := valueLen(rest)
		if name < 2 || name+1 >= len(rest) || rest[0] != '"' || rest[name] != ':' {
			return nil, malformed
		}
		n := valueLen(rest[name+1:])
		if n == 0 || name+1+n >= len(rest) {
			return nil, malformed
		}
		members = append(members, Member{rest[1 : name-1], core.JSON(rest[name+1 : name+1+n])})
		if rest = rest[name+1+n:]; rest == "}" {
			return members, nil
		}
		if rest[0] != ',' {
			return nil, malformed
		}
	}
}

// valueLen gives the length of the value that JSON text begins with, up to a
// comma, colon or the end of what it is in.
func valueLen[T string | []byte](text T) int {
	depth, inString := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			depth++
		case depth == 0 && (c == ',' || c == ':' || c == '}' || c == ']'):
			return i
		case c == '}' || c == ']':
			depth--
		}
	}
	return 0
}

// Deleted gives what tells the server apart that a change deleted, whose image is
// kept: of many of them all else may be hundreds of megabytes.
func Deleted(c *core.Change) (core.DeletedMCPServer, error) {
	d := core.DeletedMCPServer{Seq: c.Seq, DeletedAt: c.At}
	var was core.MCPServer
	err := applyServer(&was, c.Before)
	d.MCPServer = core.MCPServer{
		ID: was.ID, Slug: was.Slug, Name: was.Name, Place: was.Place,
		CreatedAt: was.CreatedAt, UpdatedAt: was.UpdatedAt, Revision: was.Revision,
	}
	return d, err
}

// ServerAt gives a server as it was at a revision. current is the server as it
// is, nil where there is none; older gives the changes to it before a seq (0: of
// all), the newest first, some at a time. NotFound, on "revision" where it is
// known and the revision is not.
func ServerAt(current *core.MCPServer, revision int64, older func(before int64) ([]core.Change, error)) (core.MCPServer, error) {
	var s core.MCPServer
	known := current != nil
	if known {
		s = *current
	}
	for before := int64(0); ; {
		changes, err := older(before)
		if err != nil {
			return core.MCPServer{}, err
		}
		for i := range changes {
			if known && s.Revision == revision {
				return s, nil
			}
			c := &changes[i]
			before = c.Seq
			if known && c.Action != core.DeleteAction && c.Revision > s.Revision {
				continue // it came after the server was read
			}
			if c.BeforeDigest == nil { // it was made by it: nothing is older but a deletion
				known = false
				continue
			}
			if c.Before == nil {
				return core.MCPServer{}, noRevision(revision, "is no longer kept")
			}
			if err := applyServer(&s, c.Before); err != nil {
				return core.MCPServer{}, err
			}
			known = true
		}
		switch {
		case known && s.Revision == revision:
			return s, nil
		case len(changes) == 0:
			return core.MCPServer{}, noRevision(revision, "is not known")
		}
	}
}

func noRevision(revision int64, what string) error {
	return &core.Error{
		Kind: core.NotFound, Noun: "mcp_server", Fields: map[string]string{"revision": what},
		Message: fmt.Sprintf("what the server was at revision %d %s", revision, what),
	}
}

package dialecttest

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/dialects/dialecttest/openapitest"
)

// undeclared is which members the cases send on purpose though no document has
// them, "case member" to whether one was seen.
type undeclared map[string]bool

func undeclaredOf(t *testing.T) undeclared {
	t.Helper()
	all := undeclared{}
	for _, name := range Cases(t) {
		g := readGolden(t, filepath.Join("testdata", filepath.FromSlash(name)+".txtar"))
		for _, member := range g.undeclared {
			all[name+" "+member] = false
		}
	}
	return all
}

// parseUndeclared reads "member …: why".
func parseUndeclared(value string) ([]string, error) {
	members, why, _ := strings.Cut(value, ": ")
	if names := strings.Fields(members); len(names) > 0 && strings.TrimSpace(why) != "" {
		return names, nil
	}
	return nil, fmt.Errorf("\"undeclared: member …: why\" has to name members and say why: %q", value)
}

// see fails where a request that succeeded has a member that is neither
// documented nor said to be undeclared.
func (u undeclared) see(t *testing.T, o *openapitest.Operation, r recorded) {
	t.Helper()
	names, err := o.Undeclared(r.request)
	if err != nil {
		t.Errorf("%s: the body of a request that succeeds: %v", r.golden, err)
	}
	for _, name := range names {
		key := r.name + " " + name
		if _, said := u[key]; !said {
			t.Errorf("%s: %q is sent and not documented", r.golden, name)
			continue
		}
		u[key] = true
	}
}

// requireAllSeen fails where a case names what it does not send, or what is
// documented.
func (u undeclared) requireAllSeen(t *testing.T) {
	t.Helper()
	var left []string
	for key, seen := range u {
		if !seen {
			left = append(left, key)
		}
	}
	slices.Sort(left)
	require.Empty(t, left, "said to be undeclared, and not sent or documented")
}

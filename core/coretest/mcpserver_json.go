package coretest

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

// jsonObjects must come back byte for byte.
var jsonObjects = map[string]string{
	"member order":              `{"zebra":1,"apple":2,"mango":{"z":1,"a":2},"_id":"x","":0}`,
	"duplicate members":         `{"a":1,"b":2,"a":3,"a":1}`,
	"escaped NUL":               `{"a":"\u0000","\u0000":"b\u0000c"}`,
	"lone surrogates":           `{"a":"\ud800","b":"\udc00\ud800"}`,
	"escapes as they came":      `{"a":"\u0041\/\u00e9\u2028\ud83d\ude80","b":"A/é🚀","c":"<&>"}`,
	"integers beyond 2^53":      `{"a":9007199254740993,"b":-9223372036854775809,"c":123456789012345678901234567890}`,
	"numbers beyond float64":    `{"a":1e400,"b":-1E+400,"c":1e-400}`,
	"numbers as they came":      `{"a":1.0,"b":1.10,"c":-0,"d":1E2,"e":0.1e1,"f":100000000000000000000000.5}`,
	"literals and empty values": `{"a":null,"b":true,"c":false,"d":{},"e":[],"f":""}`,
	"names that SQL knows":      `{"$type":"x","__proto__":{},"NULL":"'","\\":"\"","$$":"$1"}`,
	"nesting of 9,000":          `{"a":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + `}`,
	"a value of 300 KB":         `{"a":"` + strings.Repeat("x", 300*1024) + `"}`,
}

var serverJSON = func() []guarantee {
	out := []guarantee{{"an update with nil leaves JSON alone", keepsJSON}}
	for name, object := range jsonObjects {
		out = append(out, guarantee{name, func(t *testing.T, b Backend) {
			require.True(t, json.Valid([]byte(object)))
			givesBackJSON(t, newSuite(t, b, "one"), core.JSON(object))
		}})
	}
	return out
}()

// givesBackJSON has the object go through every JSON field, by creation and by update.
func givesBackJSON(t *testing.T, s *suite, object core.JSON) {
	t.Helper()
	list := core.JSON("[" + string(object) + "," + string(object) + "]")
	chains := []core.Chain{{ID: s.newID(epoch), Fields: object}, {ID: s.newID(epoch), Fields: object}}

	server := s.server("created with it")
	server.Suggestions, server.AssociatedApps, server.Resources, server.Notebooks = list, list, list, list
	server.Chains = chains
	equalServer(t, server, s.create(t, server))
	equalServer(t, server, s.read(t, core.ByID(server.ID)))

	bare := s.create(t, s.server("updated with it"))
	m := core.Modification{Chains: &chains, UpdatedAt: epoch}
	m.Suggestions, m.AssociatedApps = list, list
	bare.Suggestions, bare.AssociatedApps, bare.Chains, bare.Revision = list, list, chains, 2
	equalServer(t, bare, s.update(t, core.ByID(bare.ID), m))
	equalServer(t, bare, s.read(t, core.ByID(bare.ID)))
}

func keepsJSON(t *testing.T, b Backend) {
	t.Helper()
	s := newSuite(t, b, "one")
	want := s.create(t, s.full())
	m := core.Modification{UpdatedAt: epoch}
	m.Name = new("another name")
	want.Name, want.Revision = "another name", 2
	equalServer(t, want, s.update(t, core.ByID(want.ID), m))
	equalServer(t, want, s.read(t, core.ByID(want.ID)))
}

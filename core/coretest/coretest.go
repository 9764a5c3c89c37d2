// Package coretest is the contract of core's ports, [core.Store] and
// [core.Directory], as tests. Every store runs it; what it does not check, no
// one may rely on.
package coretest

import (
	"testing"

	"github.com/diglot/diglot/core"
)

// Backend is both ports over one storage.
type Backend interface {
	core.Store
	core.Directory
}

// Run checks the contract. open gives a backend that nobody else uses and that
// holds nothing; it is called once per subtest, and cleans up by t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) Backend) {
	t.Helper()
	for noun, guarantees := range map[string][]guarantee{
		"tenant":           tenants,
		"tenant status":    tenantStatuses,
		"tenant deletion":  tenantDeletions,
		"tenant moves":     tenantMoves,
		"key":              keys,
		"key endings":      keyEndings,
		"key rehashes":     keyRehashes,
		"key lists":        keyLists,
		"account":          accounts,
		"account changes":  accountChanges,
		"account lists":    accountLists,
		"operator lists":   operatorLists,
		"operator ends":    operatorEnds,
		"session":          sessions,
		"session ends":     sessionEnds,
		"signing key":      signingKeys,
		"watch":            watches,
		"server":           servers,
		"server json":      serverJSON,
		"server names":     serverNames,
		"server slugs":     serverSlugs,
		"server places":    serverPlaces,
		"server lists":     serverLists,
		"server quota":     serverQuotas,
		"server updates":   serverUpdates,
		"server isolation": serverIsolation,
		"agent":            agents,
		"agent servers":    agentServers,
		"agent lists":      agentLists,
		"agent isolation":  agentIsolation,
		"import":           imports,
		"replacement":      replacements,
		"precondition":     preconditions,
		"creation once":    creationsOnce,
		"changes":          changes,
		"server history":   serverHistories,
		"refusals":         refusals,
		"meter":            meters,
	} {
		t.Run(noun, func(t *testing.T) {
			t.Parallel()
			for _, g := range guarantees {
				t.Run(g.name, func(t *testing.T) {
					t.Parallel()
					g.check(t, open(t))
				})
			}
		})
	}
}

// guarantee is one sentence of the contract and how it is checked.
type guarantee struct {
	name  string
	check func(t *testing.T, b Backend)
}

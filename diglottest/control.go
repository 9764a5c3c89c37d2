package diglottest

import (
	"context"
	"fmt"
	"strings"

	"github.com/diglot/diglot/cmd/diglot/testmode"
	"github.com/diglot/diglot/core"
)

// must fails the test where a control fails.
func (s *Server) must(what string, err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatalf("diglottest: %s: %v", what, err)
	}
}

// ctx lasts as long as the server: a test's own ends before its cleanup does, where
// a test may reset or seed as well.
func (s *Server) ctx() context.Context { return context.WithoutCancel(s.t.Context()) }

// Clock gives the server's clock: every time that it answers with comes from it,
// and what expires, keys, tokens and kept answers, expires by it.
func (s *Server) Clock() *Clock { return s.mode.Clock }

// Reset brings back the start: data, clock, ids, and no faults, no journal.
// Snapshots stay.
func (s *Server) Reset() {
	s.t.Helper()
	s.must("reset", s.mode.Reset(s.ctx(), ""))
}

// ResetTenant brings back what one tenant was at the start, with none of its faults
// and requests.
func (s *Server) ResetTenant(name string) {
	s.t.Helper()
	s.must("reset", s.mode.Reset(s.ctx(), name))
}

// Seed makes what a document says, YAML or JSON, in the dialects' own words: each
// item is the body of the operation that creates such a thing.
//
//	tenants:
//	  - name: test
//	    refold:
//	      linked_accounts: [{account_id: someone@example.com}]
//	      mcp_servers: [{name: Weather, description: Weather for cities}]
//	    cometchat:
//	      mcp_servers: [{name: Maps, slug: maps, url: "http://localhost:3001"}]
//	      agents: [{name: Guide, mcpServers: [maps]}]
//
// Tenants that there are not are made. It gives what the operations answered, as
// JSON of the same form. What one refuses fails the test.
func (s *Server) Seed(document string) string {
	s.t.Helper()
	out, err := s.mode.Seed(s.ctx(), []byte(document))
	s.must("seed", err)
	return string(out)
}

// Snapshot keeps all data under a name, and which ids come next. It needs memory: with
// [WithPostgres] it fails the test.
func (s *Server) Snapshot(name string) {
	s.t.Helper()
	s.mustKeep("snapshot", s.mode.Snapshot(name))
}

// Restore brings back what a snapshot has.
func (s *Server) Restore(name string) {
	s.t.Helper()
	s.mustKeep("restore", s.mode.Restore(name))
}

// DeleteSnapshot forgets a snapshot.
func (s *Server) DeleteSnapshot(name string) {
	s.t.Helper()
	s.mustKeep("delete the snapshot", s.mode.DeleteSnapshot(name))
}

// mustKeep is must, with what to do about PostgreSQL, which has no snapshots.
func (s *Server) mustKeep(what string, err error) {
	s.t.Helper()
	if core.KindOf(err) == core.Conflict {
		s.t.Fatalf("diglottest: %s: it needs everything in memory: leave out WithPostgres, or Reset and Seed", what)
	}
	s.must(what, err)
}

// SetFaults has these faults hold and no others; none: no faults. What is left to
// chance comes from the seed.
func (s *Server) SetFaults(seed uint64, faults ...Fault) {
	s.t.Helper()
	s.must("faults", s.mode.SetFaults(s.ctx(), seed, rules(faults)...))
}

// AddFaults has faults hold behind those that do: a request meets the first that
// matches it.
func (s *Server) AddFaults(faults ...Fault) {
	s.t.Helper()
	s.must("faults", s.mode.AddFaults(s.ctx(), rules(faults)...))
}

// Requests gives the requests that a filter picks, the oldest first, of each
// tenant's last 1000, and 32 MiB of all together. Credentials are not in them.
func (s *Server) Requests(f Filter) []Request { return s.mode.Requests(testmode.Filter(f)) }

// Verified asks whether such requests came, and how often.
// A question that makes no sense fails the test.
func (s *Server) Verified(v Verification) Verified {
	s.t.Helper()
	got, err := s.mode.Verify(v.asked())
	s.must("verify", err)
	return got
}

// Verify is Verified, and fails the test where they did not, saying what came
// instead.
func (s *Server) Verify(v Verification) {
	s.t.Helper()
	got := s.Verified(v)
	if got.Verified {
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "diglottest: such requests came %d times, not %s", got.Count, got.Wanted)
	for _, n := range got.Near {
		fmt.Fprintf(&b, "\n  %s %s came: %s", n.Request.Method, n.Request.Path, strings.Join(n.Reasons, "; "))
	}
	if o := got.Operation; o != nil && len(o.Reasons) > 0 {
		fmt.Fprintf(&b, "\n  the nearest documented operation is %s %s: %s", o.Method, o.Path, strings.Join(o.Reasons, "; "))
	}
	s.t.Error(b.String())
}

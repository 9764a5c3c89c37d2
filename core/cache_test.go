package core

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var cacheStart = time.Date(2026, time.March, 4, 5, 6, 7, 0, time.UTC)

func newCache(most int) *credentialCache {
	c := &credentialCache{most: most}
	c.tell(DirectoryEvent{Connected: true})
	return c
}

// keyOf gives the nth credential of a tenant's. Nothing in it says whose it is.
func keyOf(tenant TenantID, n int) credentialKey {
	return credentialKey{session: SessionID{Account: fmt.Sprint(tenant, " ", n)}}
}

func (c *credentialCache) remember(tenant TenantID, n int, now time.Time) {
	key := keyOf(tenant, n)
	_, events := c.get(key, now)
	c.put(key, &Principal{Tenant: &Tenant{ID: tenant}}, nil, events, now)
}

func (c *credentialCache) knows(tenant TenantID, n int, now time.Time) bool {
	p, _ := c.get(keyOf(tenant, n), now)
	return p != nil
}

// requireWhole requires that what is counted is what there is, and that of what
// was dropped no more than a few are left over and above what may be remembered.
func (c *credentialCache) requireWhole(t require.TestingT) {
	count := 0
	for i, of := range c.largest {
		require.Equal(t, i, of.index)
		require.Same(t, of, c.tenants[of.tenant])
		require.LessOrEqual(t, of.count, c.largest[0].count)
		require.False(t, of.gone)
		n := 0
		for e := of.newest; e != nil; e = e.next {
			require.Same(t, of, e.of)
			n++ // also where its credential became another tenant's since: such a one waits for its own to be dropped
		}
		require.Equal(t, of.count, n)
		require.NotZero(t, n)
		count += n
	}
	require.Equal(t, c.count, count)
	require.LessOrEqual(t, count, c.most)
	require.Len(t, c.tenants, len(c.largest))
	require.Equal(t, len(c.largest), c.idlest.Len())
	left := 0
	for e := c.dropped; e != nil; e = e.next {
		require.True(t, e.of.gone)
		left++
	}
	require.LessOrEqual(t, count+left, c.most+2)
	require.LessOrEqual(t, len(c.entries), count+left)
}

func TestATenantsManyCredentialsLeaveThoseOfTheOthersRemembered(t *testing.T) {
	t.Parallel()
	c := newCache(maxCached)
	const others, each = 100, 10
	for n := range each {
		for i := range others {
			c.remember(TenantID(fmt.Sprint("other ", i)), n, cacheStart)
		}
	}
	for n := range 3 * maxCached {
		c.remember("one", n, cacheStart)
	}
	for n := range each {
		for i := range others {
			require.True(t, c.knows(TenantID(fmt.Sprint("other ", i)), n, cacheStart))
		}
	}
	require.True(t, c.knows("one", 3*maxCached-1, cacheStart), "its newest")
	c.requireWhole(t)
}

func TestATenantThatComesToAFullMemoryIsRemembered(t *testing.T) {
	t.Parallel()
	c := newCache(1000)
	for n := range 900 {
		c.remember("one", n, cacheStart)
	}
	for n := range 100 {
		c.remember("two", n, cacheStart)
	}
	c.remember("three", 0, cacheStart)
	require.True(t, c.knows("three", 0, cacheStart))
	require.False(t, c.knows("one", 899, cacheStart), "of which there was most")
	for n := range 100 {
		require.True(t, c.knows("two", n, cacheStart))
	}
	c.requireWhole(t)
}

func TestATenantOnItsOwnHasAllTheRoom(t *testing.T) {
	t.Parallel()
	c := newCache(1000)
	for n := range 1000 {
		c.remember("one", n, cacheStart)
	}
	for n := range 1000 {
		require.True(t, c.knows("one", n, cacheStart))
		c.remember("one", n, cacheStart)
	}
	require.Equal(t, 1000, c.count, "what is known already takes no more room")
	c.requireWhole(t)
}

func TestATenantsEventLeavesWhatIsKnownOfTheOthers(t *testing.T) {
	t.Parallel()
	c := newCache(1000)
	for n := range 400 {
		c.remember("one", n, cacheStart)
		c.remember("two", n, cacheStart)
	}
	c.tell(DirectoryEvent{Connected: true, Changed: "one"})
	c.forget("nobody")
	for n := range 400 {
		require.False(t, c.knows("one", n, cacheStart))
		require.True(t, c.knows("two", n, cacheStart))
	}
	c.requireWhole(t)
	for n := range 400 {
		c.remember("one", n, cacheStart)
		require.True(t, c.knows("one", n, cacheStart))
		c.requireWhole(t)
	}
	require.Len(t, c.entries, 800)
}

func TestACredentialThatBecameAnotherTenantsGoesByItsEvents(t *testing.T) {
	t.Parallel()
	c := newCache(1000)
	key := keyOf("", 0)
	_, events := c.get(key, cacheStart)
	for _, tenant := range []TenantID{"one", "two"} {
		c.put(key, &Principal{Tenant: &Tenant{ID: tenant}}, nil, events, cacheStart)
	}
	c.requireWhole(t)
	c.tell(DirectoryEvent{Connected: true, Changed: "two"})
	require.False(t, c.knows("", 0, cacheStart))
	c.requireWhole(t)
}

func TestALookUpIsRememberedUnlessAnEventWasAboutItsTenantOrAll(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		events []DirectoryEvent
		want   bool
	}{
		"none":                       {nil, true},
		"another tenant's":           {[]DirectoryEvent{{Connected: true, Changed: "two"}}, true},
		"a sign of life":             {[]DirectoryEvent{{Connected: true, Quiet: true}}, true},
		"its tenant's":               {[]DirectoryEvent{{Connected: true, Changed: "one"}}, false},
		"its tenant's and another's": {[]DirectoryEvent{{Connected: true, Changed: "one"}, {Connected: true, Changed: "two"}}, false},
		"all tenants'":               {[]DirectoryEvent{{Connected: true}}, false},
		"the watch's end":            {[]DirectoryEvent{{}}, false},
		"the watch's end for a time": {[]DirectoryEvent{{}, {Connected: true}}, false},
		"more than are kept in mind": {[]DirectoryEvent{
			{Connected: true, Changed: "one"}, {Connected: true, Changed: "two"}, {Connected: true, Changed: "three"}, {Connected: true, Changed: "four"},
		}, false},
	} {
		c := newCache(3)
		key := keyOf("one", 0)
		_, events := c.get(key, cacheStart)
		for _, e := range tc.events {
			c.tell(e)
		}
		c.put(key, &Principal{Tenant: &Tenant{ID: "one"}}, nil, events, cacheStart)
		require.Equal(t, tc.want, c.knows("one", 0, cacheStart), name)
		c.tell(DirectoryEvent{Connected: true})
		c.remember("one", 0, cacheStart)
		require.True(t, c.knows("one", 0, cacheStart), name)
		c.requireWhole(t)
	}
}

func TestAnIdleTenantsCredentialsMakeRoom(t *testing.T) {
	t.Parallel()
	c := newCache(1000)
	for i := range 500 {
		c.remember(TenantID(fmt.Sprint("idle ", i)), 0, cacheStart)
	}
	now := cacheStart.Add(cacheTTL)
	for n := range 1000 {
		c.remember("one", n, now)
	}
	require.Equal(t, 1000, c.count)
	require.Len(t, c.tenants, 1)
	require.Len(t, c.entries, 1000)
	c.requireWhole(t)
}

func TestAKnownCredentialIsFoundWithoutAllocating(t *testing.T) { //nolint:paralleltest // allocations of others would count
	c := newCache(maxCached)
	c.remember("one", 0, cacheStart)
	key := keyOf("one", 0)
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		if p, _ := c.get(key, cacheStart); p == nil {
			panic("it is known")
		}
	}))
}

// TestWhatIsRememberedIsWhatIsTrue has look-ups, changes and events come in any
// order: each change is told behind it, at some time, and what is remembered once
// all was told is as things are. A change goes by a tenant's version.
func TestWhatIsRememberedIsWhatIsTrue(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		type lookUp struct {
			key     credentialKey
			answer  *Principal
			version int
			events  uint64
		}
		var (
			c        = newCache(rapid.IntRange(1, 12).Draw(t, "most"))
			now      = cacheStart
			tenants  = []TenantID{"one", "two", "three", "four"}
			owner    = make([]int, 8) // of each credential
			version  = make(map[TenantID]int)
			versions = make(map[*Principal]int)
			untold   []TenantID
			underWay []lookUp
		)
		change := func(tenant TenantID) {
			version[tenant]++
			untold = append(untold, tenant)
		}
		t.Repeat(map[string]func(*rapid.T){
			"begin": func(t *rapid.T) {
				n := rapid.IntRange(0, len(owner)-1).Draw(t, "credential")
				key := keyOf("", n)
				known, events := c.get(key, now)
				if known != nil {
					return
				}
				tenant := tenants[owner[n]]
				underWay = append(underWay, lookUp{key, &Principal{Tenant: &Tenant{ID: tenant}}, version[tenant], events})
			},
			"end": func(t *rapid.T) {
				if len(underWay) == 0 {
					t.Skip("none is under way")
				}
				i := rapid.IntRange(0, len(underWay)-1).Draw(t, "look-up")
				l := underWay[i]
				underWay = append(underWay[:i], underWay[i+1:]...)
				versions[l.answer] = l.version
				c.put(l.key, l.answer, nil, l.events, now)
			},
			"change": func(t *rapid.T) { change(rapid.SampledFrom(tenants).Draw(t, "tenant")) },
			"move": func(t *rapid.T) { // of a credential from one tenant to another
				n := rapid.IntRange(0, len(owner)-1).Draw(t, "credential")
				change(tenants[owner[n]])
				owner[n] = rapid.IntRange(0, len(tenants)-1).Draw(t, "tenant")
				change(tenants[owner[n]])
			},
			"tell": func(t *rapid.T) {
				if len(untold) == 0 {
					t.Skip("all is told")
				}
				c.tell(DirectoryEvent{Connected: true, Changed: untold[0]})
				untold = untold[1:]
			},
			"reconnect": func(*rapid.T) {
				c.tell(DirectoryEvent{})
				c.tell(DirectoryEvent{Connected: true})
				untold = nil
			},
			"wait": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(1, 90).Draw(t, "seconds")) * time.Second)
			},
			"": func(t *rapid.T) {
				c.requireWhole(t)
				if len(untold) > 0 {
					return
				}
				for n := range owner {
					if p, _ := c.get(keyOf("", n), now); p != nil {
						require.Equal(t, tenants[owner[n]], p.Tenant.ID)
						require.Equal(t, version[p.Tenant.ID], versions[p])
					}
				}
			},
		})
	})
}

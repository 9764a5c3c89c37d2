package core_test

import (
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

func TestAnObjectIDIs24HexDigitsAndNothingElse(t *testing.T) {
	t.Parallel()
	const good = "68a1b2c3d4e5f60718293a4b"
	for in, want := range map[string]bool{
		good:                          true,
		strings.ToUpper(good):         true,
		"000000000000000000000000":    true,
		"ffffffffffffffffffffffff":    true,
		"":                            false,
		good[:23]:                     false,
		good[:22]:                     false,
		good + "0":                    false,
		good + "00":                   false,
		good[:23] + "g":               false,
		"0x" + good[:22]:              false,
		" " + good[:23]:               false,
		good[:23] + "\n":              false,
		good[:22] + "é":               false,
		strings.Repeat("\uff11", 8):   false, // 24 bytes of full-width digits
		good[:12] + "-" + good[12:23]: false,
	} {
		id, ok := core.ParseObjectID(in)
		require.Equal(t, want, ok, "%q", in)
		if ok {
			require.Equal(t, strings.ToLower(in), id.String())
		}
	}
}

func TestAnIDBeginsWithTheSecondOfCreation(t *testing.T) {
	t.Parallel()
	newID := core.NewIDSource()
	at := time.Date(2025, time.August, 17, 10, 20, 30, 999_999_999, time.FixedZone("east", 7200))
	id := newID(at)
	require.Equal(t, "68a190ce", id.String()[:8])
	require.Equal(t, at.Truncate(time.Second).UTC(), id.Time())
	require.Equal(t, time.Unix(0, 0).UTC(), newID(time.Unix(0, 0)).Time())
	require.Equal(t, time.Unix(1<<32-1, 0).UTC(), newID(time.Unix(1<<32-1, 0)).Time())
}

func TestNoIDIsMadeTwiceThoughManyAreMadeAtOnce(t *testing.T) {
	t.Parallel()
	const makers, each = 8, 5000
	newID, at := core.NewIDSource(), time.Unix(1_700_000_000, 0)
	made := make([][]core.ObjectID, makers)
	var wg sync.WaitGroup
	for i := range made {
		wg.Go(func() {
			for range each {
				made[i] = append(made[i], newID(at))
			}
		})
	}
	wg.Wait()
	seen := map[core.ObjectID]bool{}
	for _, ids := range made {
		for _, id := range ids {
			require.False(t, seen[id], "%s was made twice", id)
			seen[id] = true
		}
	}
	require.Len(t, seen, makers*each)
}

func TestTwoSourcesMakeDifferentIDs(t *testing.T) {
	t.Parallel()
	at := time.Unix(1_700_000_000, 0)
	one, two := core.NewIDSource()(at), core.NewIDSource()(at)
	require.NotEqual(t, one[4:9], two[4:9], "the five random bytes")
}

func TestATenantIDIsACanonicalUUID(t *testing.T) {
	t.Parallel()
	const good = "01234567-89ab-cdef-0123-456789abcdef"
	for in, want := range map[string]bool{
		good:                                   true,
		"00000000-0000-0000-0000-000000000000": true,
		"":                                     false,
		good[:35]:                              false,
		good + "0":                             false,
		strings.ToUpper(good):                  false,
		strings.ReplaceAll(good, "-", "0"):     false,
		strings.ReplaceAll(good, "-", ""):      false,
		"{" + good + "}":                       false,
		"0123456-789ab-cdef-0123-456789abcdef": false,
		good[:35] + "'":                        false,
		good[:35] + "g":                        false,
		good[:35] + "\x00":                     false,
		good[:34] + "é":                        false,
		"' or tenant_id is not null or '1'='1": false, // 36 bytes
	} {
		require.Equal(t, want, core.TenantID(in).Valid(), "%q", in)
	}
}

func TestANewUUIDIsOfVersion4AndNeverTheSame(t *testing.T) {
	t.Parallel()
	version4 := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	seen := map[string]bool{}
	for range 1000 {
		id := core.NewUUID()
		require.Regexp(t, version4, id)
		require.True(t, core.NewTenantID().Valid())
		require.False(t, seen[id])
		seen[id] = true
	}
}

func TestAPlaceIsAMicrosecondAndKnowsItsMillisecond(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, time.March, 4, 5, 6, 7, 89_123_999, time.UTC)
	place := core.PlaceAt(at)
	require.Equal(t, core.Place(at.UnixMicro()), place)
	require.Equal(t, at.UnixMilli(), place.Milli())
	require.Equal(t, at.UnixMilli(), (place + 876).Milli())
	require.Equal(t, at.UnixMilli()+1, (place + 877).Milli())
	require.Equal(t, place, core.PlaceAt(at.In(time.FixedZone("east", 7200))), "the zone is no part of a moment")
}

package dialects

import (
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

func TestWhoIsOverTheRateIsToldToWaitForAMinuteAtMost(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, time.March, 4, 12, 0, 0, 0, time.UTC)
	who := &core.Principal{Tenant: &core.Tenant{ID: someTenant}}
	for name, c := range map[string]struct {
		counted, refused time.Time
		want             string // seconds
	}{
		"as the minute begins":             {noon, noon, "60"},
		"as it ends":                       {noon, noon.Add(time.Minute - 1), "1"},
		"a clock that was a moment ahead":  {noon.Add(time.Minute), noon.Add(time.Minute - 1), "60"},
		"a clock that was a minute ahead":  {noon.Add(time.Minute), noon, "60"},
		"a clock that was a day ahead":     {noon.Add(24 * time.Hour), noon, "60"},
		"a clock that was ahead for years": {noon.AddDate(100, 0, 0), noon.Add(30 * time.Second), "30"},
	} {
		now := c.counted
		k := New(Adapter{Now: func() time.Time { return now }}, Options{Logger: slog.New(slog.DiscardHandler)})
		h := http.Header{}
		_, err := k.admit(h, who, allowance{rate: 1})
		require.NoError(t, err)
		require.Empty(t, h)
		now = c.refused
		_, err = k.admit(h, who, allowance{rate: 1})
		require.ErrorIs(t, err, errRate)
		require.Equal(t, c.want, h.Get("Retry-After"), name)
	}
}

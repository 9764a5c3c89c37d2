package core_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
)

var (
	hex24      = regexp.MustCompile(`\A[0-9a-fA-F]{24}\z`)
	unreserved = regexp.MustCompile(`\A[A-Za-z0-9._~-]{1,255}\z`)
	madeSlug   = regexp.MustCompile(`\A([a-z0-9]+(-[a-z0-9]+)*)?\z`)
)

func FuzzParseObjectID(f *testing.F) {
	for _, s := range []string{"", "68a1b2c3d4e5f60718293a4b", "68A1B2C3D4E5F60718293A4B", "68a1b2c3d4e5f60718293a4", "zz", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, ok := core.ParseObjectID(s)
		require.Equal(t, hex24.MatchString(s), ok)
		if !ok {
			return
		}
		require.Equal(t, strings.ToLower(s), id.String())
		again, ok := core.ParseObjectID(id.String())
		require.True(t, ok)
		require.Equal(t, id, again)
	})
}

func FuzzSlug(f *testing.F) {
	for _, s := range []string{"", ".", "..", "My Server", "ñ", "a/b", "-a-", strings.Repeat("a", 63) + " b", strings.Repeat("a", 256), "\xff\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		valid := core.ValidSlug(s)
		require.Equal(t, unreserved.MatchString(s) && s != "." && s != "..", valid)
		if valid {
			require.Equal(t, s, url.PathEscape(s), "a valid slug needs no escape in a path")
		}

		made := core.SlugFor(s)
		require.Regexp(t, madeSlug, made)
		require.Equal(t, made, core.SlugFor(made), "a made slug makes itself")
		require.Equal(t, made, core.SlugFor(strings.ToUpper(made)))
		require.Equal(t, strings.ContainsAny(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"), made != "")
		if made != "" {
			require.True(t, core.ValidSlug(made))
			require.True(t, core.ValidSlug(made+"-68a1b2c3d4e5f60718293a4b"), "nor with an id behind it")
		}
	})
}

func FuzzValidURL(f *testing.F) {
	for _, s := range []string{"", "http://localhost:3000", "HTTPS://a/b?c#d", "http://[::1]:80/", "javascript:alert(1)", "http://:80", "//a", "http://a/#\x00", "http://a/\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !core.ValidURL(s) {
			return
		}
		require.True(t, utf8.ValidString(s))
		require.NotContains(t, s, "\x00")
		lower := strings.ToLower(s)
		require.True(t, strings.HasPrefix(lower, "http://") || strings.HasPrefix(lower, "https://"), "%q", s)
		u, err := url.Parse(s)
		require.NoError(t, err)
		require.NotEmpty(t, u.Hostname())
		require.True(t, u.IsAbs())
	})
}

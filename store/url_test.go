package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/store"
)

func TestAnUnreadableURLIsNotSaid(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"postgres://u:hush@h/db?sslmode=nonsense":     "read database URL: sslmode is invalid",
		"postgres://h/db?sslmode=nonsense":            "read database URL: sslmode is invalid",
		"postgres://u:hush@h/db?connect_timeout=hush": "a value in it is not acceptable",
		"postgres://u:hush%@h/db":                     "in a password, write what is special",
		"postgres:///u:hush@h/db":                     "write postgres://user:password@host/database",
		"host=h password='hush more":                  "in a password, write what is special",
		"host=h sslmode=nonsense password='hush'":     "in a password, write what is special",
		"hush":                "in a password, write what is special",
		"mysql://u:hush@h/db": "in a password, write what is special",

		"postgres://u:hush@h:port/db":                              "in a password, write what is special",
		"postgres://u:hush@h/db?sslmode=verify-full&sslrootcert=/": "read database URL",
	} {
		_, err := store.Open(t.Context(), store.Config{URL: url, Role: store.Operator})
		require.ErrorContains(t, err, want, url)
		require.NotContains(t, err.Error(), "hu", url)
		_, err = store.StatusOf(t.Context(), url)
		require.ErrorContains(t, err, "read database URL", url)
		require.NotContains(t, err.Error(), "hu", url)
	}
}

package store_test

import (
	"bytes"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store"
	"github.com/diglot/diglot/store/storetest"
)

func TestInstancesThatStartAtOnceShareASecret(t *testing.T) {
	t.Parallel()
	for name, given := range map[string][]byte{"made": nil, "given": []byte("sixteen bytes or more")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, storetest.New(t), store.Operator)
			secrets, errs := make([]*core.Secret, 20), make([]error, 20)
			var wg sync.WaitGroup
			for i := range secrets {
				wg.Go(func() { secrets[i], errs[i] = s.Secret(t.Context(), given) })
			}
			wg.Wait()
			for i := range secrets {
				require.NoError(t, errs[i])
				require.Equal(t, secrets[0].Derive("test"), secrets[i].Derive("test"))
			}
		})
	}
}

func TestASecretOfAnotherDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	given, another := []byte("the secret that was given"), []byte("another secret, also long")
	url := storetest.New(t)
	s := open(t, url, store.Operator)
	secret, err := s.Secret(t.Context(), given)
	require.NoError(t, err)
	want, err := core.NewSecret(given)
	require.NoError(t, err)
	require.Equal(t, want.Derive("test"), secret.Derive("test"))

	for _, wrong := range [][]byte{another, nil} {
		_, err = s.Secret(t.Context(), wrong)
		require.ErrorContains(t, err, "DIGLOT_SECRET or DIGLOT_SECRET_FILE")
		require.NotContains(t, err.Error(), string(another))
	}
	_, err = s.Secret(t.Context(), []byte("short"))
	require.Equal(t, core.Invalid, core.KindOf(err))

	kept := query[[]byte](t, connect(t, url), "SELECT to_json(secret)::text::bytea FROM secret")
	require.Len(t, kept, 1)
	require.Contains(t, string(kept[0]), `"material":null`)
	require.False(t, bytes.Contains(kept[0], given))
}

func TestAMadeSecretIsNotReplacedByAGivenOne(t *testing.T) {
	t.Parallel()
	s := open(t, storetest.New(t), store.Operator)
	made, err := s.Secret(t.Context(), nil)
	require.NoError(t, err)
	_, err = s.Secret(t.Context(), []byte("a secret that came later"))
	require.ErrorContains(t, err, "set up with another secret")
	again, err := s.Secret(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, made.Derive("test"), again.Derive("test"))
}

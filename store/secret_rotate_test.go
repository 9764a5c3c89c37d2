package store_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store"
	"github.com/diglot/diglot/store/storetest"
)

var (
	firstMaterial  = []byte("the first version of the secret")
	secondMaterial = []byte("the second version of the secret")
	thirdMaterial  = []byte("the third version of the secret")
)

func secretFrom(t *testing.T, s *store.Store, given ...[]byte) *core.Secret {
	t.Helper()
	secret, err := s.Secret(t.Context(), given...)
	require.NoError(t, err)
	return secret
}

func operatorWith(s *store.Store, secret *core.Secret) *core.Operator {
	return core.NewOperator(s, secret, time.Now)
}

func TestARotatedSecretIsMadeOfWhatIsGivenAndKept(t *testing.T) {
	t.Parallel()
	s := open(t, storetest.New(t), store.Operator)
	_, err := s.RotateSecret(t.Context(), secondMaterial, firstMaterial, epoch)
	require.ErrorContains(t, err, "no secret yet")
	_, err = s.Secret(t.Context(), secondMaterial, firstMaterial)
	require.ErrorContains(t, err, "DIGLOT_SECRET_PREVIOUS out")
	secretFrom(t, s, firstMaterial)

	for _, wrong := range []struct {
		material, previous []byte
		says               string
	}{
		{secondMaterial, nil, "DIGLOT_SECRET_PREVIOUS"},
		{nil, nil, "DIGLOT_SECRET_PREVIOUS"},
		{secondMaterial, thirdMaterial, "DIGLOT_SECRET_PREVIOUS"},
		{firstMaterial, nil, "is version 1 of the secret already"},
		{firstMaterial, firstMaterial, "is version 1 of the secret already"},
		{[]byte("short"), firstMaterial, "16 bytes"},
	} {
		_, err = s.RotateSecret(t.Context(), wrong.material, wrong.previous, epoch)
		require.ErrorContains(t, err, wrong.says)
	}
	version, err := s.RotateSecret(t.Context(), secondMaterial, firstMaterial, epoch)
	require.NoError(t, err)
	require.Equal(t, 2, version)
	_, err = s.RotateSecret(t.Context(), thirdMaterial, secondMaterial, epoch)
	require.ErrorContains(t, err, "retire version 1 first")

	require.Equal(t, 2, secretFrom(t, s, secondMaterial, firstMaterial).Newest())
	require.Equal(t, 2, secretFrom(t, s, firstMaterial, secondMaterial).Newest(), "which is which the database knows")
	require.Equal(t, 1, secretFrom(t, s, firstMaterial).Newest(), "nothing needs the second one yet")
	for says, given := range map[string][][]byte{
		"version 1 of this database's secret is kept elsewhere": {secondMaterial},
		"set up with another secret":                            {thirdMaterial, firstMaterial},
	} {
		_, err = s.Secret(t.Context(), given...)
		require.ErrorContains(t, err, says)
		require.ErrorContains(t, err, "DIGLOT_SECRET_PREVIOUS")
		for _, material := range given {
			require.NotContains(t, err.Error(), string(material))
		}
	}
	_, err = operatorWith(s, secretFrom(t, s, secondMaterial, firstMaterial)).RotateSigningKey(t.Context())
	require.NoError(t, err)
	_, err = s.Secret(t.Context(), firstMaterial)
	require.ErrorContains(t, err, "version 2 of this database's secret is kept elsewhere", "tokens are signed with it")
}

func TestTheDatabasesOwnSecretIsRotatedByTheDatabase(t *testing.T) {
	t.Parallel()
	url := storetest.New(t)
	s := open(t, url, store.Operator)
	before := secretFrom(t, s)
	_, err := s.RotateSecret(t.Context(), nil, nil, epoch)
	require.NoError(t, err)
	both := secretFrom(t, s)
	require.Equal(t, 2, both.Newest())
	kept, ok := both.DeriveFrom(1, "x")
	require.True(t, ok)
	require.Equal(t, before.Derive("x"), kept)

	_, err = operatorWith(s, both).RotateSigningKey(t.Context())
	require.NoError(t, err)
	_, err = s.RetireSecret(t.Context(), 1, epoch, true)
	require.NoError(t, err)
	require.Equal(t, []int64{1, 0}, query[int64](t, connect(t, url),
		"SELECT count(material) FROM secret_version UNION ALL SELECT count(material) FROM secret"), "what is retired is forgotten")
	after := secretFrom(t, s)
	require.Equal(t, both.Derive("x"), after.Derive("x"))
	_, ok = after.DeriveFrom(1, "x")
	require.False(t, ok)

	version, err := s.RotateSecret(t.Context(), thirdMaterial, nil, epoch) // from the database's to one's own
	require.NoError(t, err)
	require.Equal(t, 3, version)
	require.Equal(t, 3, secretFrom(t, s, thirdMaterial).Newest())
}

func TestAVersionIsRetiredWhenNothingNeedsItAndThenItsKeysAreFoundByTheNext(t *testing.T) {
	t.Parallel()
	url := storetest.New(t)
	s, conn := open(t, url, store.Operator), connect(t, url)
	one := operatorWith(s, secretFrom(t, s, firstMaterial))
	tenant := newTenant(t, s, "one")
	used, err := one.CreateKey(t.Context(), tenant, core.Refold, "a-key-that-is-used-meanwhile")
	require.NoError(t, err)
	unused, err := one.CreateKey(t.Context(), tenant, core.Refold, "a-key-that-is-not-used")
	require.NoError(t, err)
	ended, err := one.CreateKey(t.Context(), tenant, core.Refold, "a-key-that-was-revoked")
	require.NoError(t, err)
	_, err = one.RevokeKey(t.Context(), ended.ID)
	require.NoError(t, err)

	_, err = s.RotateSecret(t.Context(), secondMaterial, firstMaterial, epoch)
	require.NoError(t, err)
	both := secretFrom(t, s, secondMaterial, firstMaterial)
	two := operatorWith(s, both)
	made, err := two.CreateKey(t.Context(), tenant, core.Refold, "a-key-that-is-made-meanwhile")
	require.NoError(t, err)
	runtime := open(t, url, store.Runtime)
	service := core.NewService(runtime, both, time.Now, core.NewIDSource())
	_, err = service.PrincipalByKey(t.Context(), core.Refold, "a-key-that-is-used-meanwhile")
	require.NoError(t, err)
	require.NoError(t, service.WriteKeyUses(t.Context()))

	requireStatus := func(version int, keys int, signing ...string) {
		t.Helper()
		list, err := s.Secrets(t.Context(), epoch)
		require.NoError(t, err)
		for _, v := range list {
			if v.Version == version {
				require.Equal(t, keys, v.Keys)
				require.Equal(t, signing, v.SigningKeys)
			}
		}
	}
	requireStatus(1, 1, "")
	requireStatus(2, 0)
	_, err = s.RetireSecret(t.Context(), 1, epoch, true)
	require.ErrorIs(t, err, core.ErrKeySigns, "nothing would be left to sign with")
	signing, err := two.RotateSigningKey(t.Context())
	require.NoError(t, err)
	requireStatus(2, 0, signing.ID)

	_, err = s.RetireSecret(t.Context(), 1, epoch, false)
	needed, ok := errors.AsType[*store.NeededError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, []store.NeededKey{{ID: unused.ID, Tenant: "one", Hint: "used"}}, needed.Keys)
	require.Equal(t, []string{""}, needed.SigningKeys)
	for version, want := range map[int]core.Kind{0: core.NotFound, 3: core.NotFound, 2: core.Conflict} {
		_, err = s.RetireSecret(t.Context(), version, epoch, true)
		require.Equal(t, want, core.KindOf(err), "%d: %v", version, err)
	}
	lost, err := s.RetireSecret(t.Context(), 1, epoch, true)
	require.NoError(t, err)
	require.Equal(t, needed, lost)
	again, err := s.RetireSecret(t.Context(), 1, epoch, false)
	require.NoError(t, err)
	require.Empty(t, again.Keys)

	after := core.NewService(runtime, secretFrom(t, s, secondMaterial), time.Now, core.NewIDSource())
	for value, id := range map[string]string{"a-key-that-is-used-meanwhile": used.ID, "a-key-that-is-made-meanwhile": made.ID} {
		for _, service := range []*core.Service{service, after} { // one that began while there were two, and one that has the newest alone
			p, err := service.PrincipalByKey(t.Context(), core.Refold, value)
			require.NoError(t, err)
			require.Equal(t, id, p.KeyID)
		}
	}
	for _, value := range []string{"a-key-that-is-not-used", "a-key-that-was-revoked"} {
		_, err = after.PrincipalByKey(t.Context(), core.Refold, value)
		require.Equal(t, core.BadCredential, core.KindOf(err))
	}
	_, k, err := two.Key(t.Context(), unused.ID)
	require.NoError(t, err)
	require.NotNil(t, k.RevokedAt, "lists say that it is lost")

	// Who began while there were two makes keys that those of now find.
	late, err := two.CreateKey(t.Context(), tenant, core.Refold, "a-key-that-is-made-late")
	require.NoError(t, err)
	p, err := after.PrincipalByKey(t.Context(), core.Refold, "a-key-that-is-made-late")
	require.NoError(t, err)
	require.Equal(t, late.ID, p.KeyID)
	_, err = two.CreateKey(t.Context(), tenant, core.Refold, "a-key-that-is-used-meanwhile")
	require.True(t, core.IsConflictOn(err, "key"), "%v", err)
	_, err = two.ImportKeys(t.Context(), tenant, core.Refold, "", []string{"a-key-that-is-made-meanwhile"})
	require.True(t, core.IsConflictOn(err, "key"), "%v", err)
	require.Equal(t, []int64{2}, query[int64](t, conn, "SELECT DISTINCT hash_version::bigint FROM api_key WHERE revoked_at IS NULL"))
	version := query[int64](t, conn, "SELECT version FROM schema_migrations")[0]
	require.NoError(t, store.Down(t.Context(), url, int(version-11))) // what came after the secret had versions
	require.ErrorContains(t, store.Down(t.Context(), url, 1), "rotated")
}

func TestAVersionIsNotNeededFromInstancesThatDoNotKnowItYet(t *testing.T) {
	t.Parallel()
	url := storetest.New(t)
	s := open(t, url, store.Operator)
	secretFrom(t, s, firstMaterial)
	behind := open(t, url, store.Runtime)
	secretFrom(t, behind, firstMaterial)
	watching, stop := context.WithCancel(t.Context())
	defer stop()
	watch(t, watching, behind)

	_, err := s.RotateSecret(t.Context(), secondMaterial, firstMaterial, epoch)
	require.NoError(t, err)
	two := operatorWith(s, secretFrom(t, s, secondMaterial, firstMaterial))
	_, err = two.RotateSigningKey(t.Context())
	require.True(t, core.IsConflictOn(err, "instances"), "it could not sign: %v", err)
	_, err = s.RetireSecret(t.Context(), 1, epoch, true)
	require.True(t, core.IsConflictOn(err, "instances"), "it would find no key: %v", err)

	stop()
	ahead := open(t, url, store.Runtime)
	secretFrom(t, ahead, secondMaterial, firstMaterial)
	watch(t, t.Context(), ahead)
	require.Eventually(t, func() bool { _, err = two.RotateSigningKey(t.Context()); return err == nil }, 10*time.Second, time.Millisecond)
	_, err = s.RetireSecret(t.Context(), 1, epoch, true)
	require.NoError(t, err)
}

func TestAnInstanceThatLearnsAVersionWhileItWatchesIsNoMoreBehind(t *testing.T) {
	t.Parallel()
	url := storetest.New(t)
	s := open(t, url, store.Operator)
	secretFrom(t, s, firstMaterial)
	instance := open(t, url, store.Runtime)
	watch(t, t.Context(), instance)
	instance.TellSecretVersion(1)
	conn := connect(t, url)
	holds := func(version int64) func() bool {
		return func() bool {
			const q = "SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND classid = x'6469676c'::int::oid AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
			return slices.Equal([]int64{version}, query[int64](t, conn, q))
		}
	}
	require.Eventually(t, holds(1), longEnough, time.Millisecond)
	_, err := s.RotateSecret(t.Context(), secondMaterial, firstMaterial, epoch)
	require.NoError(t, err)
	two := operatorWith(s, secretFrom(t, s, secondMaterial, firstMaterial))
	_, err = two.RotateSigningKey(t.Context())
	require.True(t, core.IsConflictOn(err, "instances"), "%v", err)
	instance.TellSecretVersion(2)
	require.Eventually(t, holds(2), longEnough, time.Millisecond)
	_, err = two.RotateSigningKey(t.Context())
	require.NoError(t, err)
	_, err = s.RetireSecret(t.Context(), 1, epoch, true)
	require.NoError(t, err)
}

// watch has the store watch until ctx ends, and waits until it does.
func watch(t *testing.T, ctx context.Context, s *store.Store) { //nolint:revive // the test's own context is another
	t.Helper()
	connected, ended := make(chan struct{}), make(chan struct{})
	var once sync.Once
	go func() {
		defer close(ended)
		s.Watch(ctx, func(e core.DirectoryEvent) {
			if e.Connected {
				once.Do(func() { close(connected) })
			}
		})
	}()
	t.Cleanup(func() { <-ended })
	<-connected
}

// The statements of builds that know no versions, word for word.
func TestBuildsOfBeforeServeWhileTheSecretIsRotatedAndStopWhenTheirsIsRetired(t *testing.T) {
	t.Parallel()
	url := storetest.New(t)
	s, conn := open(t, url, store.Operator), connect(t, url)
	old, err := core.NewSecret(firstMaterial)
	require.NoError(t, err)
	tenant := newTenant(t, s, "one")
	const setUp = `INSERT INTO secret (material, fingerprint) VALUES ($1, $2) ON CONFLICT DO NOTHING`
	_, err = conn.Exec(t.Context(), setUp, nil, old.Derive("fingerprint"))
	require.NoError(t, err)
	createsKey := func(value string) string {
		id, hash := core.NewUUID(), old.KeyHash(core.Refold, value)
		_, err := conn.Exec(t.Context(), `
	INSERT INTO api_key (tenant_id, id, dialect, scope, hash, hint, created_at, expires_at)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, string(tenant.ID), id, "refold", "fullAccess", hash[:], "", epoch, nil)
		require.NoError(t, err)
		return id
	}
	finds := func(value string) (id string) {
		hash := old.KeyHash(core.Refold, value)
		err := conn.QueryRow(t.Context(), `SELECT key_id::text FROM tenant_of_live_key($1, $2)`, "refold", hash[:]).Scan(&id)
		if !errors.Is(err, pgx.ErrNoRows) {
			require.NoError(t, err)
		}
		return id
	}
	starts := func() bool {
		var material, fingerprint []byte
		require.NoError(t, conn.QueryRow(t.Context(), `SELECT material, fingerprint FROM secret`).Scan(&material, &fingerprint))
		return string(fingerprint) == string(old.Derive("fingerprint"))
	}
	first := createsKey("a-key-of-before")
	_, err = s.RotateSecret(t.Context(), secondMaterial, firstMaterial, epoch)
	require.NoError(t, err)
	two := operatorWith(s, secretFrom(t, s, secondMaterial, firstMaterial))
	service := core.NewService(s, secretFrom(t, s, secondMaterial, firstMaterial), time.Now, core.NewIDSource())
	second := createsKey("one-that-it-makes-meanwhile")
	third, err := two.CreateKey(t.Context(), tenant, core.Refold, "one-that-others-make-meanwhile")
	require.NoError(t, err)
	for value, id := range map[string]string{
		"a-key-of-before": first, "one-that-it-makes-meanwhile": second, "one-that-others-make-meanwhile": third.ID,
	} {
		p, err := service.PrincipalByKey(t.Context(), core.Refold, value)
		require.NoError(t, err)
		require.Equal(t, id, p.KeyID)
		require.NoError(t, service.WriteKeyUses(t.Context()))
		require.Equal(t, id, finds(value), "also when it was hashed anew")
	}
	require.True(t, starts())
	_, err = two.RotateSigningKey(t.Context())
	require.NoError(t, err)
	lost, err := s.RetireSecret(t.Context(), 1, epoch, true)
	require.NoError(t, err)
	require.Empty(t, lost.Keys)
	require.Empty(t, finds("a-key-of-before"))
	require.False(t, starts(), "it says that the secret is another")
}

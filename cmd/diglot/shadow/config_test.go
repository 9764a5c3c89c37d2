package shadow_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/diglot/diglot/cmd/diglot/shadow"
)

func TestAConfigurationIsYAMLOrJSON(t *testing.T) {
	t.Parallel()
	key := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(key, []byte(" the-key \n"), 0o600))
	for _, text := range []string{
		"shadows:\n  - tenant: acme\n    dialect: refold\n    peer: https://app.refold.ai\n    credential_file: " + key + "\n",
		`{"shadows":[{"tenant":"acme","dialect":"refold","peer":"https://app.refold.ai","credential_file":"` + key + `"}]}`,
	} {
		c := readConfig(t, text)
		r := c.Shadows[0]
		require.Equal(t, []any{shadow.Diglot, shadow.Never, 1.0, 10 * time.Second}, []any{r.Answers, r.Writes, *r.Sample, r.Timeout})
		require.Equal(t, []int{1000, 4, 64, 100}, []int{c.Queue, c.Workers, c.QueueMB, c.LogMB})
	}
}

func TestTheManualsConfigurationsAreTaken(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("refold.key", []byte("key"), 0o600))
	blocks := strings.Split(manual, "```yaml\n")[1:]
	require.Len(t, blocks, 2)
	for _, block := range blocks {
		text, _, ended := strings.Cut(block, "```")
		require.True(t, ended)
		readConfig(t, text)
	}
}

// manual is read before a test is in another folder.
var manual = func() string {
	text, err := os.ReadFile("../../../deploy/SHADOW.md")
	if err != nil {
		panic(err)
	}
	return string(text)
}()

func TestAConfigurationThatWouldNotDoWhatItLooksLikeIsRefused(t *testing.T) {
	t.Parallel()
	const good = "tenant: acme, dialect: refold, peer: 'https://app.refold.ai'"
	one := func(more string) string { return "shadows:\n  - {" + more + "}\n" }
	for text, want := range map[string]string{
		"":                                     "there is none",
		"shadows: []":                          "there is none",
		"shadows: {":                           "can't be read",
		one(good + ", timeout: 10"):            "a time with a unit, as 10s",
		one(good + ", values: the-secret-key"): "line 2",
		one(good + ", credential_env: the-secret-key"):                        "the variable of credential_env is empty",
		one(good + ", credential_file: the-secret-key"):                       "no such file",
		one(good + ", sampel: 1"):                                             "sampel",
		one(good) + "---\n" + one(good):                                       "second document",
		"queue: 0\n" + one(good):                                              "queue",
		"workers: 65\n" + one(good):                                           "workers",
		one("dialect: refold"):                                                "tenant",
		one("tenant: acme, dialect: x"):                                       "refold or cometchat",
		one(good + ", dialect: x"):                                            "dialect",
		one(good + ", answers: x"):                                            "answers",
		one(good + ", writes: x"):                                             "writes",
		one(good + ", sample: 0"):                                             "sample",
		one(good + ", sample: 1.1"):                                           "sample",
		one(good + ", sample: .nan"):                                          "sample",
		one(good + ", timeout: 1m"):                                           "timeout",
		one(good + ", timeout: 0.1ms"):                                        "timeout",
		one(good + ", strict: [x]"):                                           "strict",
		one(good + ", ignore: [x]"):                                           "JSON pointer",
		one(good + ", unknown_credentials: true"):                             "answers: peer",
		one(good + ", credential_file: /nothing/here"):                        "credential_file",
		one(good + ", credential_env: DIGLOT_TEST_NO_SUCH"):                   "credential_env DIGLOT_TEST_NO_SUCH is empty",
		one(good + ", credential_env: A, credential_file: b"):                 "both",
		one(good + ", answers: peer, credential_env: A"):                      "client's own",
		one("tenant: a, dialect: refold, peer: 'http://app.refold.ai'"):       "insecure_http",
		one("tenant: a, dialect: refold, peer: 'ftp://app.refold.ai'"):        "http or https",
		one("tenant: a, dialect: refold, peer: 'https://u:secret@h'"):         "without a user",
		one("tenant: a, dialect: refold, peer: 'https://h/?a=secret'"):        "without a user",
		one("tenant: a, dialect: refold, peer: 'https://169.254.169.254'"):    "public address",
		one("tenant: a, dialect: refold, peer: 'https://[::ffff:127.0.0.1]'"): "public address",
		"allow_networks: [x]\n" + one(good):                                   "allow_networks",
		"allow_networks: [0.0.0.0/0]\n" + one(good):                           "everybody",
		one(good) + "  - {" + good + "}\n":                                    "already",
		one(good+", answers: peer, unknown_credentials: true") + "  - {tenant: b, dialect: refold, peer: 'https://h', answers: peer, unknown_credentials: true}\n": "another one",
	} {
		_, err := shadow.ReadConfig([]byte(text))
		require.ErrorContains(t, err, want, text)
		require.NotContains(t, err.Error(), "secret")
		require.NotContains(t, err.Error(), "shadow.", "no type of the program's")
	}
}

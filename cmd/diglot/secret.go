package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/diglot/diglot/cmd/diglot/admin"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/store"
	"github.com/diglot/diglot/store/localpg"
)

// secretOutput is a version of the secret as `-o json` prints it: nothing of it
// is secret.
type secretOutput struct {
	Version     int         `json:"version"`
	State       string      `json:"state"`
	Kept        string      `json:"kept"`
	CreatedAt   *admin.Time `json:"created_at,omitempty"`
	RetiredAt   *admin.Time `json:"retired_at,omitempty"`
	Keys        int         `json:"keys"`         // good ones that need it
	SigningKeys int         `json:"signing_keys"` // likewise
}

var secretHeader = []string{"VERSION", "STATE", "KEPT", "CREATED", "RETIRED", "KEYS", "SIGNING KEYS"}

func fromSecret(v store.SecretStatus) secretOutput {
	out := secretOutput{
		Version: v.Version, State: "in use", Kept: "elsewhere", CreatedAt: (*admin.Time)(v.CreatedAt), RetiredAt: (*admin.Time)(v.RetiredAt),
		Keys: v.Keys, SigningKeys: len(v.SigningKeys),
	}
	if v.Kept {
		out.Kept = "database"
	}
	switch {
	case v.RetiredAt != nil:
		out.State, out.Kept = "retired", "nowhere"
	case v.Newest:
		out.State = "newest"
	}
	return out
}

func (o secretOutput) row() []string {
	return []string{
		strconv.Itoa(o.Version), o.State, o.Kept, timeOrDash(o.CreatedAt), timeOrDash(o.RetiredAt),
		strconv.Itoa(o.Keys), strconv.Itoa(o.SigningKeys),
	}
}

func newSecretCommand(c *common) *cobra.Command {
	return newGroup("secret", "Rotate, list and retire the secret that key hashes and token signatures come from",
		newSecretRotateCommand(c), newSecretListCommand(c), newSecretRetireCommand(c))
}

func newSecretRotateCommand(c *common) *cobra.Command {
	var out output
	cmd := &cobra.Command{
		Use: "rotate", Short: "Add a version to the secret; what was made with the one before stays good", Args: cobra.NoArgs,
		Long: "Add a version to the secret. What was made with the one before stays good, on instances that know the new one and on those that don't. " +
			"The new version is " + envSecret + " or " + envSecretFile + ", with the one before in " + envPreviousSecret + " or " + envPreviousSecretFile +
			"; without either, the database makes and keeps it. Then restart the instances, with both; run diglot signing-key rotate; " +
			"and when diglot secret list says that nothing needs the old version, retire it.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			newest, previous, err := secretMaterial()
			if err != nil {
				return err
			}
			return c.withOperatorStore(cmd, func(ctx context.Context, s *store.Store) error {
				version, err := s.RotateSecret(ctx, newest, previous, now())
				if err != nil {
					return explainSecret(err)
				}
				return printSecrets(cmd, &out, ctx, s, version)
			})
		},
	}
	out.flags(cmd)
	return cmd
}

func newSecretListCommand(c *common) *cobra.Command {
	var out output
	cmd := &cobra.Command{
		Use: "list", Short: "List the versions of the secret and how much needs each, the newest first", Args: cobra.NoArgs,
		Long: "List the versions of the secret, the newest first: never what they are. KEYS is how many API keys that are good would be lost " +
			"without the version: while the secret is rotated, those that were not used since. SIGNING KEYS likewise.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withOperatorStore(cmd, func(ctx context.Context, s *store.Store) error {
				return printSecrets(cmd, &out, ctx, s, 0)
			})
		},
	}
	out.flags(cmd)
	return cmd
}

func newSecretRetireCommand(c *common) *cobra.Command {
	var (
		out   output
		force bool
	)
	cmd := &cobra.Command{
		Use: "retire VERSION", Short: "Forget a version of the secret, once nothing needs it", Args: cobra.ExactArgs(1),
		Long: "Forget a version of the secret, for good. It is refused while API keys or signing keys need it, and while an instance is running " +
			"that knows no newer one. --force revokes those API keys and retires those signing keys, which ends their sessions, and names them.",
		RunE: func(cmd *cobra.Command, args []string) error {
			version, err := strconv.Atoi(args[0])
			if err != nil {
				return withHint(fmt.Errorf("%q is no version", args[0]), "diglot secret list shows the versions there are")
			}
			return c.withOperatorStore(cmd, func(ctx context.Context, s *store.Store) error {
				lost, err := s.RetireSecret(ctx, version, now(), force)
				if err != nil {
					return explainSecret(err)
				}
				cmd.PrintErr(named("lost", lost))
				return printSecrets(cmd, &out, ctx, s, version)
			})
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "revoke the API keys and retire the signing keys that need it")
	out.flags(cmd)
	return cmd
}

// now is when what a command does is done.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// printSecrets prints a version, or all of them: 0.
func printSecrets(cmd *cobra.Command, out *output, ctx context.Context, s *store.Store, version int) error { //nolint:revive // cobra's command carries the output, not the context
	versions, err := s.Secrets(ctx, now())
	if err != nil {
		return explain(err)
	}
	list, rows := make([]secretOutput, 0, len(versions)), make([][]string, 0, len(versions))
	for _, v := range versions {
		if one := fromSecret(v); version == 0 || v.Version == version {
			list, rows = append(list, one), append(rows, one.row())
		}
	}
	if version != 0 && len(list) == 1 {
		return out.print(cmd.OutOrStdout(), list[0], secretHeader, rows...)
	}
	return out.print(cmd.OutOrStdout(), list, secretHeader, rows...)
}

// named gives a line for each key that is needed or lost.
func named(what string, e *store.NeededError) (lines string) {
	for _, k := range e.Keys {
		lines += fmt.Sprintf("%s: key %s of tenant %s, which ends in %s\n", what, k.ID, k.Tenant, cmp.Or(k.Hint, "-"))
	}
	for _, id := range e.SigningKeys {
		lines += fmt.Sprintf("%s: signing key %s\n", what, admin.SigningKeyName(id))
	}
	return lines
}

func explainSecret(err error) error {
	if needed, ok := errors.AsType[*store.NeededError](err); ok {
		return withHint(fmt.Errorf("%w\n%s", err, named("needed", needed)),
			"a key is hashed anew within a minute of its use; rotate the others, or revoke them. diglot signing-key rotate makes a signing key of the newest version; "+
				"retire the others when their sessions have expired. --force revokes and retires what is named here")
	}
	switch {
	case core.KindOf(err) == core.NotFound:
		return withHint(err, "diglot secret list shows the versions there are")
	case errors.Is(err, core.ErrKeySigns):
		return withHint(errors.New("all signing keys are of this version of the secret"), "diglot signing-key rotate makes one of the newest")
	case core.IsConflictOn(err, "newest"):
		return withHint(err, "diglot secret rotate makes another one the newest")
	}
	return explain(err)
}

// withOperatorStore opens the database for an operator who has, or needs, no
// secret of it.
func (c *common) withOperatorStore(cmd *cobra.Command, do func(context.Context, *store.Store) error) (err error) {
	db, err := c.openDatabase(cmd.Context(), localpg.Use, existing, slog.New(slog.DiscardHandler), tell)
	if err != nil {
		return explain(err)
	}
	defer func() {
		if closing := db.Close(); err == nil {
			err = closing
		}
	}()
	if err := db.prepare(cmd.Context()); err != nil {
		return explain(err)
	}
	s, err := store.Open(cmd.Context(), store.Config{URL: db.url, Role: store.Operator})
	if err != nil {
		return explain(err)
	}
	defer s.Close()
	return do(cmd.Context(), s)
}

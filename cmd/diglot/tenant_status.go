package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/diglot/diglot/cmd/diglot/admin"
	"github.com/diglot/diglot/cmd/diglot/terminal"
	"github.com/diglot/diglot/core"
)

func newTenantSuspendCommand(c *common) *cobra.Command {
	cmd := newTenantStatusCommand(c, "suspend", "Have a tenant's credentials be answered as unknown ones",
		func(ctx context.Context, a *administration, name string) (core.Tenant, error) {
			return a.SuspendTenant(ctx, name)
		})
	cmd.Long = "Have all credentials of a tenant, keys of both dialects and session tokens, be answered exactly as unknown ones, " +
		"within a second on every gateway. Nothing is lost: diglot tenant resume brings all of it back."
	return cmd
}

func newTenantResumeCommand(c *common) *cobra.Command {
	return newTenantStatusCommand(c, "resume", "Have a suspended tenant's credentials be known again",
		func(ctx context.Context, a *administration, name string) (core.Tenant, error) {
			return a.ResumeTenant(ctx, name)
		})
}

func newTenantStatusCommand(
	c *common, verb, short string, set func(context.Context, *administration, string) (core.Tenant, error),
) *cobra.Command {
	var out output
	cmd := &cobra.Command{
		Use: verb + " NAME", Short: short, Args: cobra.ExactArgs(1),
		Example: "  diglot tenant " + verb + " acme",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.run(cmd, func(ctx context.Context, a *administration) error {
				t, err := set(ctx, a, args[0])
				if err != nil {
					return explainTenant(err)
				}
				shown := admin.FromTenant(t)
				return out.print(cmd.OutOrStdout(), shown, tenantHeader, tenantRow(shown))
			})
		},
	}
	out.flags(cmd)
	return cmd
}

// deletedOutput is a tenant that is gone as `-o json` prints it.
type deletedOutput struct {
	Name    string `json:"name"`
	Deleted bool   `json:"deleted"`
}

func newTenantDeleteCommand(c *common) *cobra.Command {
	var (
		out output
		yes bool
	)
	cmd := &cobra.Command{
		Use: "delete NAME", Short: "Delete a tenant and all that it has, for good", Args: cobra.ExactArgs(1),
		Long: "Delete a tenant with its servers, agents, linked accounts, session tokens and keys. Its credentials are unknown " +
			"from the first moment, and there is no way back. Where it is interrupted, give the command again and it goes on.",
		Example: "  diglot tenant delete acme --yes",
		RunE: func(cmd *cobra.Command, args []string) error {
			name := args[0]
			return c.runFor(cmd, name, func(ctx context.Context, a *administration, _ core.Tenant) error {
				if !yes {
					if err := confirmTenant(cmd.InOrStdin(), cmd.ErrOrStderr(), name); err != nil {
						return err
					}
				}
				err := a.DeleteTenant(ctx, name, func(n int) { cmd.PrintErrf("%s of tenant %s deleted\n", terminal.Count(n, "record", "records"), name) })
				if err != nil {
					return explainTenant(err)
				}
				return out.print(cmd.OutOrStdout(), deletedOutput{name, true}, []string{"NAME", "DELETED"}, []string{name, "yes"})
			})
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "delete without asking for the name on the terminal")
	out.flags(cmd)
	return cmd
}

// confirmTenant has whoever sits at the terminal say the name of the tenant that is to go.
func confirmTenant(in io.Reader, out io.Writer, name string) error {
	return confirm(in, out, &confirmation{
		question: "Tenant " + name + " and all that it has will be gone. To go on, enter its name: ", word: name,
		nobody: "nobody is there to say that tenant " + name + " is to be deleted", wrong: "that is not its name: nothing was deleted",
	})
}

// confirmation is what somebody has to say before something goes for good.
type confirmation struct{ question, word, nobody, wrong string }

// confirm has whoever sits at the terminal say the word.
func confirm(in io.Reader, out io.Writer, c *confirmation) error {
	nobody := withHint(errors.New(c.nobody), "give --yes")
	if _, err := fmt.Fprint(out, c.question); err != nil {
		return err
	}
	if f, ok := in.(*os.File); ok && !isTerminal(f) {
		_, err := fmt.Fprintln(out) // what would go is said all the same
		return errors.Join(err, nobody)
	}
	line, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if line == "" { // /dev/null, or the end of input where it was asked for
		return nobody
	}
	if strings.TrimSpace(line) != c.word {
		return errors.New(c.wrong)
	}
	return nil
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

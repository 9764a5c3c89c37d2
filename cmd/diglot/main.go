// Command diglot serves two vendors' REST APIs for MCP servers over one core
// in PostgreSQL, and manages it. `diglot help` lists the commands.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	_ "golang.org/x/crypto/x509roots/fallback" // certificate authorities where the system has none, as in the image

	"github.com/diglot/diglot/cmd/diglot/terminal"
)

func main() {
	// Who reads the log or the output may go away first. A write fails then, and what
	// was started, as a private PostgreSQL, is still stopped in order.
	signal.Ignore(syscall.SIGPIPE)
	// Only net/http logs there. It quotes what a vendor or a peer sends behind an answer,
	// which may be the key that it was asked with.
	log.SetOutput(io.Discard)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := newRootCommand().ExecuteContext(ctx); err != nil {
		complain(os.Stderr, err)
		stop()
		code := 1
		if c, ok := errors.AsType[*coded](err); ok {
			code = c.code
		}
		os.Exit(code) //nolint:gocritic // stop has been called
	}
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "diglot",
		Short:         "One gateway, two vendors' MCP server APIs",
		Long:          "Diglot serves the Refold and the CometChat REST API for MCP servers over one core in PostgreSQL.",
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	c := &common{}
	c.flags(root.PersistentFlags())
	root.AddCommand(
		newServeCommand(c), newMigrateCommand(c), newTenantCommand(c), newKeyCommand(c),
		newAccountCommand(c), newSessionCommand(c), newTokenCommand(c), newSigningKeyCommand(c), newSecretCommand(c),
		newServerCommand(c), newAuditCommand(c), newMoveCommand(c), newShadowCommand(), newHealthcheckCommand(), newVersionCommand(),
	)
	c.complete(root)
	inWords(root)
	addExamples(root)
	ownCommands(root)
	root.SetFlagErrorFunc(badFlag)
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error { return fromEnvironment(cmd) }
	return root
}

// newGroup makes a command that has only commands below it.
func newGroup(use, short string, below ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: cobra.ArbitraryArgs, RunE: runGroup}
	cmd.AddCommand(below...)
	return cmd
}

// hinted is an error that knows what its reader can do about it.
type hinted struct {
	error

	hint string
}

func (h *hinted) Unwrap() error { return h.error }

func withHint(err error, hint string) error { return &hinted{err, hint} }

func complain(w *os.File, err error) {
	lines := strings.Split(err.Error(), "\n")
	for i, line := range lines {
		lines[i] = terminal.Line(line) // which may quote what a client or a vendor sent
	}
	_, _ = fmt.Fprintln(w, "diglot:", strings.Join(lines, "\n")) // stderr is the last resort: nobody is left to tell
	if h, ok := errors.AsType[*hinted](err); ok {
		_, _ = fmt.Fprintln(w, "hint:", terminal.Line(h.hint))
	}
}

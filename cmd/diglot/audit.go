package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/diglot/diglot/cmd/diglot/admin"
	"github.com/diglot/diglot/core"
)

// envOperator names who runs a command in the history; else it is the system's user.
const envOperator = "DIGLOT_OPERATOR"

// operator gives who a command acts as.
func operator() *core.Actor {
	name := os.Getenv(envOperator)
	if u, err := user.Current(); err == nil && name == "" {
		name = u.Username
	}
	if name == "" {
		name = "uid " + strconv.Itoa(os.Getuid())
	}
	return &core.Actor{Kind: core.OperatorActor, ID: name}
}

func newAuditCommand(c *common) *cobra.Command {
	return newGroup("audit", "List, verify, export and prune the history of changes",
		newAuditListCommand(c), newAuditVerifyCommand(c), newAuditExportCommand(c), newAuditPruneCommand(c))
}

// changeFilter is which changes a command is about.
type changeFilter struct {
	tenant, since, until string
	kind                 string
	q                    core.ChangeQuery
}

func (f *changeFilter) flags(cmd *cobra.Command) {
	fs := cmd.Flags()
	f.tenantFlag(cmd)
	fs.StringVar(&f.since, "since", "", "changes from this time on: RFC 3339, or how long ago, as 24h")
	fs.StringVar(&f.until, "until", "", "changes before this time: RFC 3339, or how long ago, as 24h")
	fs.StringVar(&f.kind, "kind", "", "kind of actor: key, session, operator or database")
	fs.StringVar(&f.q.Actor, "actor", "", "id of a key, linked account, or name of an operator or login")
	fs.StringVar(&f.q.Dialect, "dialect", "", "dialect that the changes came through")
	fs.StringVar(&f.q.RequestID, "request-id", "", "id of the request that made the changes")
	fs.StringVar(&f.q.Action, "action", "", "create, update, delete, undelete, issue, revoke or retire")
	fs.StringVar(&f.q.Noun, "noun", "", "mcp_server, agent, linked_account, api_key, session_token, tenant, signing_key or secret_version")
	fs.StringVar(&f.q.Record, "record", "", "id of the record")
	fs.Int64Var(&f.q.After, "after", 0, "changes behind this number")
}

func (f *changeFilter) tenantFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.tenant, "tenant", "", "name of the tenant; without it, the installation's own changes: tenants that come and go, signing keys, the secret")
}

func (f *changeFilter) query(now time.Time) (core.ChangeQuery, error) {
	q := f.q
	q.Kind = core.ActorKind(f.kind)
	var err error
	if q.Since, err = moment(f.since, now); err != nil {
		return q, fmt.Errorf("--since is %q: %w", f.since, err)
	}
	if q.Until, err = moment(f.until, now); err != nil {
		return q, fmt.Errorf("--until is %q: %w", f.until, err)
	}
	return q, nil
}

func moment(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil {
		return now.Add(-d), nil
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return at, errNoTimeSpan
	}
	return at, nil
}

// runAudit is run for a command about a tenant's changes, or the installation's.
func (c *common) runAudit(cmd *cobra.Command, tenant string, do func(context.Context, *administration, core.TenantID) error) error {
	if tenant == "" {
		return c.run(cmd, func(ctx context.Context, a *administration) error { return do(ctx, a, core.Installation) })
	}
	return c.runFor(cmd, tenant, func(ctx context.Context, a *administration, t core.Tenant) error { return do(ctx, a, t.ID) })
}

var changeHeader = []string{"SEQ", "TIME", "ACTOR", "DIALECT", "REQUEST", "ACTION", "NOUN", "RECORD", "REVISION"}

func changeRow(c *core.Change) []string {
	revision := "-"
	if c.Revision != 0 {
		revision = strconv.FormatInt(c.Revision, 10)
	}
	return []string{
		strconv.FormatInt(c.Seq, 10), core.ChangeTime(c.At), string(c.Kind) + " " + c.ID, orNone(c.Dialect), orNone(c.RequestID),
		c.Action, c.Noun, orNone(c.Record), revision,
	}
}

func orNone(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func printChanges(w io.Writer, out *output, changes []core.Change) error {
	list, rows := make([]admin.Change, len(changes)), make([][]string, len(changes))
	for i := range changes {
		list[i], rows[i] = admin.FromChange(&changes[i]), changeRow(&changes[i])
	}
	return out.print(w, list, changeHeader, rows...)
}

func newAuditListCommand(c *common) *cobra.Command {
	var (
		out   output
		f     changeFilter
		limit int
	)
	cmd := &cobra.Command{
		Use: "list", Short: "List the newest changes, oldest of them first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q, err := f.query(time.Now())
			if err != nil {
				return err
			}
			q.Limit, q.Newest = limit, q.After == 0
			return c.runAudit(cmd, f.tenant, func(ctx context.Context, a *administration, tenant core.TenantID) error {
				changes, err := a.Changes(ctx, tenant, q)
				if err != nil {
					return explain(err)
				}
				if q.Newest {
					slices.Reverse(changes)
				}
				return printChanges(cmd.OutOrStdout(), &out, changes)
			})
		},
	}
	f.flags(cmd)
	cmd.Flags().IntVar(&limit, "limit", 50, "how many at most: the newest, or with --after the first behind that")
	out.flags(cmd)
	return cmd
}

func newAuditVerifyCommand(c *common) *cobra.Command {
	var (
		f    changeFilter
		head string
	)
	cmd := &cobra.Command{
		Use: "verify [FILE]", Short: "Check that no change was altered, removed or slipped in", Args: cobra.MaximumNArgs(1),
		Long: "Check a chain of changes, in the database or in a file that `diglot audit export` wrote, and print its head. " +
			"Note the head elsewhere: with it as --head, a chain that was cut off or written anew is found too.",
		RunE: func(cmd *cobra.Command, args []string) error {
			var noted core.ChainHead
			if head != "" {
				var err error
				if noted, err = core.ParseChainHead(head); err != nil {
					return fmt.Errorf("--head: %w", err)
				}
			}
			if len(args) == 1 {
				got, err := verifyFile(args[0], noted)
				return tellHead(cmd.OutOrStdout(), got, err)
			}
			return c.runAudit(cmd, f.tenant, func(ctx context.Context, a *administration, tenant core.TenantID) error {
				got, err := a.VerifyChanges(ctx, tenant, noted)
				return tellHead(cmd.OutOrStdout(), got, err)
			})
		},
	}
	f.tenantFlag(cmd)
	cmd.Flags().StringVar(&head, "head", "", "head that an earlier verify printed")
	return cmd
}

func tellHead(w io.Writer, head core.ChainHead, err error) error {
	if broken, is := errors.AsType[*core.BrokenChainError](err); is {
		return withHint(fmt.Errorf("the chain is broken: %w", broken), fmt.Sprintf("what comes before entry %d is as it was written", broken.Seq))
	}
	if err != nil {
		return explain(err)
	}
	_, err = fmt.Fprintf(w, "%d changes, head %s\n", head.Seq, head)
	return err
}

func newAuditExportCommand(c *common) *cobra.Command {
	var (
		f    changeFilter
		file string
	)
	cmd := &cobra.Command{
		Use: "export", Short: "Write changes as JSON lines, to be kept elsewhere", Args: cobra.NoArgs,
		Long: "Write changes as JSON lines. `diglot audit verify FILE` checks an export without filters.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			q, err := f.query(time.Now())
			if err != nil {
				return err
			}
			return c.runAudit(cmd, f.tenant, func(ctx context.Context, a *administration, tenant core.TenantID) error {
				return exportTo(file, cmd.OutOrStdout(), func(w io.Writer) error {
					return explain(a.EachChange(ctx, tenant, q, func(c *core.Change) error { return admin.WriteChange(w, c) }))
				})
			})
		},
	}
	f.flags(cmd)
	cmd.Flags().StringVar(&file, "file", "", "file to write, which must not be there; without it, the standard output")
	return cmd
}

func newAuditPruneCommand(c *common) *cobra.Command {
	var age time.Duration
	cmd := &cobra.Command{
		Use: "prune", Short: "Erase what changes were from and to, where that is older than --undelete-for", Args: cobra.NoArgs,
		Long: "Erase what changes were from and to, of all tenants, where that is older than --undelete-for. " +
			"Who changed what record and when stays, and so do the chains. What is erased can't be undeleted or reverted to.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if age < 0 {
				return fmt.Errorf("--undelete-for is %s: it must not be negative", age)
			}
			return c.run(cmd, func(ctx context.Context, a *administration) error {
				n, err := a.EraseImages(ctx, age)
				if err != nil {
					return explain(err)
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "erased the images of %d changes\n", n)
				return err
			})
		},
	}
	undeleteFlag(cmd.Flags(), &age)
	return cmd
}

func undeleteFlag(f *pflag.FlagSet, age *time.Duration) {
	f.DurationVar(age, undeleteForFlag, core.KeepImagesFor,
		"how long a deleted server can be undeleted, and what changes were from and to is kept")
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
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
	fs.StringVar(&f.kind, "kind", "", "kind of actor: "+alternatives(core.ActorKinds))
	fs.StringVar(&f.q.Actor, "actor", "", "id of a key, linked account, or name of an operator or login")
	fs.StringVar(&f.q.Dialect, "dialect", "", "dialect that the changes came through: "+alternatives(core.ChangeDialects))
	fs.StringVar(&f.q.RequestID, "request-id", "", "id of the request that made the changes")
	fs.StringVar(&f.q.Action, "action", "", alternatives(core.ChangeActions))
	fs.StringVar(&f.q.Noun, "noun", "", alternatives(core.ChangeNouns))
	fs.StringVar(&f.q.Record, "record", "", "id of the record")
	fs.Int64Var(&f.q.After, "after", 0, "changes behind this number")
}

func (f *changeFilter) tenantFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.tenant, "tenant", "", "name of the tenant; without it, the installation's own changes: tenants that come and go, signing keys, the secret")
}

func (f *changeFilter) query(now time.Time) (core.ChangeQuery, error) {
	q := f.q
	q.Kind = core.ActorKind(f.kind)
	if e, unknown := errors.AsType[*core.Error](q.Validate()); unknown {
		field := slices.Min(slices.Collect(maps.Keys(e.Fields)))
		return q, fmt.Errorf("--%s %s", field, e.Fields[field])
	}
	var err error
	if q.Since, err = moment(f.since, now); err != nil {
		return q, fmt.Errorf("--since is %q: %w", f.since, err)
	}
	if q.Until, err = moment(f.until, now); err != nil {
		return q, fmt.Errorf("--until is %q: %w", f.until, err)
	}
	return q, nil
}

// alternatives names words to choose from.
func alternatives(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
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

// upTo collects entries page by page, up to limit: a page ends early where what
// entries are from and to is large.
func upTo(limit int, page func(last *core.Change, limit int) ([]core.Change, error)) (all []core.Change, err error) {
	var last *core.Change
	for {
		q := core.ChangeQuery{Limit: limit - len(all)}
		found, err := page(last, q.Limit)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
		if len(found) == 0 || len(all) >= limit || !q.More(found) {
			return all, nil
		}
		last = &found[len(found)-1]
	}
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
			q.Newest = q.After == 0
			return c.runAudit(cmd, f.tenant, func(ctx context.Context, a *administration, tenant core.TenantID) error {
				changes, err := upTo(limit, func(last *core.Change, limit int) ([]core.Change, error) {
					q.Limit = limit
					switch {
					case last != nil && q.Newest:
						q.Before = last.Seq
					case last != nil:
						q.After = last.Seq
					}
					return a.Changes(ctx, tenant, q)
				})
				if err != nil {
					return explain(err)
				}
				if q.Newest {
					slices.Reverse(changes)
				}
				return printChanges(cmd.OutOrStdout(), &out, changes, changeHeader, changeRow)
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
		out  output
		f    changeFilter
		head string
	)
	cmd := &cobra.Command{
		Use: "verify [FILE]", Short: "Check that no change was altered, removed or slipped in", Args: cobra.MaximumNArgs(1),
		Long: "Check a chain of changes, in the database or in a file that `diglot audit export` wrote, and print its head, seq:hash; " +
			"nothing for a chain without changes. Note the head elsewhere: with it as --head, a chain that was cut off or written anew is found too. " +
			"How many changes there are is told on the standard error.",
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
				return tellHead(cmd, &out, got, err)
			}
			return c.runAudit(cmd, f.tenant, func(ctx context.Context, a *administration, tenant core.TenantID) error {
				got, err := a.VerifyChanges(ctx, tenant, noted)
				return tellHead(cmd, &out, got, err)
			})
		},
	}
	f.tenantFlag(cmd)
	cmd.Flags().StringVar(&head, "head", "", "head that an earlier verify printed")
	out.flags(cmd)
	return cmd
}

// tellHead prints a head alone, so that it can be given to --head, or what came of
// a check as JSON or YAML.
func tellHead(cmd *cobra.Command, out *output, head core.ChainHead, err error) error {
	verified, failed := admin.FromVerified(head, err)
	if failed != nil {
		return explain(failed)
	}
	if out.format != "table" {
		if err := out.print(cmd.OutOrStdout(), verified, nil); err != nil {
			return err
		}
	}
	if verified.Broken != nil {
		return withHint(fmt.Errorf("the chain is broken: %w", err), fmt.Sprintf("what comes before entry %d is as it was written", verified.Broken.Seq))
	}
	if out.format != "table" {
		return nil
	}
	if _, err := fmt.Fprintf(cmd.ErrOrStderr(), "intact, %d changes\n", verified.Changes); err != nil || verified.Head == "" {
		return err
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), verified.Head)
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
	var (
		out       output
		age       time.Duration
		keepBytes int64
	)
	cmd := &cobra.Command{
		Use: "prune", Short: "Erase what changes were from and to, where that is older than --undelete-for", Args: cobra.NoArgs,
		Long: "Erase what changes were from and to, of all tenants, where that is older than --undelete-for, " +
			"and with --keep-bytes the oldest of each tenant's that takes more. " +
			"Who changed what record and when stays, and so do the chains, each of which gets an entry: who pruned it, when, and up to when. " +
			"What is erased can't be undeleted or reverted to.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if age < 0 {
				return fmt.Errorf("--undelete-for is %s: it must not be negative", age)
			}
			if keepBytes < 0 {
				return fmt.Errorf("--keep-bytes is %d: it must not be negative", keepBytes)
			}
			return c.run(cmd, func(ctx context.Context, a *administration) error {
				n, err := a.EraseImages(ctx, age)
				if err == nil && keepBytes > 0 {
					var more int
					more, err = a.EraseImagesBeyond(ctx, keepBytes)
					n += more
				}
				if err != nil {
					return explain(err)
				}
				return out.print(cmd.OutOrStdout(), admin.Pruned{Pruned: n}, []string{"PRUNED"}, []string{strconv.Itoa(n)})
			})
		},
	}
	undeleteFlag(cmd.Flags(), &age)
	cmd.Flags().Int64Var(&keepBytes, "keep-bytes", 0, "bytes of storage that what a tenant's changes were from and to may take, beyond which the oldest is erased; 0: any number")
	out.flags(cmd)
	return cmd
}

func undeleteFlag(f *pflag.FlagSet, age *time.Duration) {
	f.DurationVar(age, undeleteForFlag, core.KeepImagesFor,
		"how long a deleted server can be undeleted, and what changes were from and to is kept")
}

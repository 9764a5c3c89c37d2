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

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects/cometchat"
	"github.com/diglot/diglot/dialects/refold"
)

// importedKeyOutput is a key that was imported as `-o json` prints it.
type importedKeyOutput struct {
	Line int    `json:"line"`
	ID   string `json:"id"`
	Hint string `json:"hint"`
}

func newKeyImportCommand(c *common) *cobra.Command {
	var (
		out                          output
		tenant, dialect, scope, file string
	)
	cmd := &cobra.Command{
		Use: "import", Short: "Have keys that clients already hold be keys here", Args: cobra.NoArgs,
		Long: "Read values, one a line, from a file or standard input, and make them keys: all of them or none. " +
			"Blank lines are passed over. A value is never taken from the command line, which every user of the machine can read.",
		Example: "  diglot key import --tenant acme --dialect refold --file keys.txt\n" +
			"  vault kv get -field=key acme/cometchat | diglot key import --tenant acme --dialect cometchat",
		RunE: func(cmd *cobra.Command, _ []string) error {
			values, lines, err := readKeys(cmd.InOrStdin(), file)
			if err != nil {
				return err
			}
			return c.runFor(cmd, tenant, func(ctx context.Context, a *administration, t core.Tenant) error {
				keys, err := a.ImportKeys(ctx, t, core.DialectName(dialect), core.KeyScope(scope), values)
				if err != nil {
					return explainImport(err, lines)
				}
				list, rows := make([]importedKeyOutput, len(keys)), make([][]string, len(keys))
				for i, k := range keys {
					if !hasShape(k.Dialect, values[i]) {
						cmd.PrintErrf("warning: line %d doesn't look like a %s key; it is one now all the same\n", lines[i], k.Dialect)
					}
					list[i] = importedKeyOutput{lines[i], k.ID, k.Hint}
					rows[i] = []string{fmt.Sprint(lines[i]), k.ID, k.Hint}
				}
				return out.print(cmd.OutOrStdout(), list, []string{"LINE", "ID", "HINT"}, rows...)
			})
		},
	}
	cmd.Flags().StringVar(&tenant, "tenant", "", "name of the tenant (required)")
	cmd.Flags().StringVar(&dialect, "dialect", "", "refold or cometchat (required)")
	cmd.Flags().StringVar(&scope, "scope", "", scopeUsage)
	cmd.Flags().StringVar(&file, "file", "-", "file that has the values, one a line; -: standard input")
	_ = cmd.MarkFlagRequired("tenant") // fails only for a flag that does not exist
	_ = cmd.MarkFlagRequired("dialect")
	out.flags(cmd)
	return cmd
}

// readKeys gives the values of a file, "-" being standard input, and the number
// of each one's line, from 1.
func readKeys(stdin io.Reader, file string) (values []string, lines []int, err error) {
	in := stdin
	if file != "-" {
		f, err := os.Open(file) //nolint:gosec // the operator names the file
		if err != nil {
			return nil, nil, fmt.Errorf("--file: %w", err)
		}
		defer f.Close() //nolint:errcheck // nothing was written
		in = f
	}
	scanner := bufio.NewScanner(in)
	for n := 1; scanner.Scan(); n++ {
		if value := strings.TrimSuffix(scanner.Text(), "\r"); value != "" {
			values, lines = append(values, value), append(lines, n)
		}
	}
	if err := scanner.Err(); err != nil {
		return nil, nil, fmt.Errorf("read keys: %w", err) // also where a line is longer than 64 KiB
	}
	if len(values) == 0 {
		return nil, nil, withHint(errors.New("there are no keys to import"), "give them one a line, in --file or on standard input")
	}
	return values, lines, nil
}

// explainImport names the line of a value that was refused, never the value.
func explainImport(err error, lines []int) error {
	refused, ok := errors.AsType[*core.KeyValueError](err)
	if !ok {
		return explain(err)
	}
	return withHint(fmt.Errorf("line %d: %w", lines[refused.Index], refused.Err),
		"nothing was imported: correct the line or leave it out, and import again")
}

// hasShape reports whether a value looks like a key that the vendor makes.
func hasShape(dialect core.DialectName, value string) bool {
	if dialect == core.Refold {
		return refold.HasKeyShape(value)
	}
	return cometchat.HasKeyShape(value)
}

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// output is how a command prints what it has.
type output struct {
	format string
}

func (o *output) flags(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&o.format, "output", "o", "table", "how to print: table or json")
}

// print writes v as JSON, or rows as a table under a header.
func (o *output) print(w io.Writer, v any, header []string, rows ...[]string) error {
	switch o.format {
	case "json":
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		return e.Encode(v)
	case "table":
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, row := range append([][]string{header}, rows...) {
			if _, err := fmt.Fprintln(t, strings.Join(row, "\t")); err != nil {
				return err
			}
		}
		return t.Flush()
	default:
		return fmt.Errorf("--output is %q: it must be table or json", o.format)
	}
}

package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
)

// version is set when the binary is built.
var version = "dev"

// versionOutput is the program's version as `-o json` prints it.
type versionOutput struct {
	Version string `json:"version"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

func newVersionCommand() *cobra.Command {
	var out output
	cmd := &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if out.format != "table" {
				return out.print(cmd.OutOrStdout(), versionOutput{version, runtime.Version(), runtime.GOOS, runtime.GOARCH}, nil)
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "diglot %s %s %s/%s\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
	out.flags(cmd)
	return cmd
}

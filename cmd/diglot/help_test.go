package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
)

// eachCommand gives each command of the program that does something.
func eachCommand(cmd *cobra.Command, do func(*cobra.Command)) {
	if !cmd.HasSubCommands() && cmd.Name() != "help" {
		do(cmd)
	}
	for _, below := range cmd.Commands() {
		if below.Name() != "completion" { // cobra's own
			eachCommand(below, do)
		}
	}
}

var (
	exampleLine = regexp.MustCompile(`(?:^|[ |])diglot (.*)$`)
	pointing    = regexp.MustCompile(`\b(?:those|below|above|likewise|README)\b`)
)

// What --help shows can be run as it is shown.
func TestEachCommandHasExamplesThatItTakes(t *testing.T) {
	t.Parallel()
	shown := 0
	eachCommand(newRootCommand(), func(cmd *cobra.Command) {
		require.NotEmpty(t, cmd.Example, "%s has no example", cmd.CommandPath())
		for line := range strings.SplitSeq(cmd.Example, "\n") {
			m := exampleLine.FindStringSubmatch(line)
			require.NotNil(t, m, "%q is no line", line)
			command, _, _ := strings.Cut(m[1], " > ")
			fresh, args, err := newRootCommand().Find(strings.Fields(command))
			require.NoError(t, err, line)
			require.Equal(t, cmd.CommandPath(), fresh.CommandPath(), line)
			require.NoError(t, fresh.ParseFlags(args), line)
			require.NoError(t, fresh.ValidateArgs(fresh.Flags().Args()), line)
			require.NoError(t, fresh.ValidateRequiredFlags(), line)
			require.NoError(t, fresh.ValidateFlagGroups(), line)
			shown++
		}
	})
	require.Greater(t, shown, len(examples))
	for name := range examples {
		cmd, rest, err := newRootCommand().Find(strings.Fields(name))
		require.NoError(t, err)
		require.Empty(t, rest, name)
		require.Equal(t, "diglot "+name, cmd.CommandPath())
	}
}

// Flags are shown sorted by their names, so what one says of another names it.
func TestAFlagsHelpPointsAtNoFlagThatHappensToStandNearby(t *testing.T) {
	t.Parallel()
	eachCommand(newRootCommand(), func(cmd *cobra.Command) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			require.NotRegexp(t, pointing, f.Usage, "%s --%s", cmd.CommandPath(), f.Name)
		})
		require.NotContains(t, cmd.Flags().FlagUsages(), "(default default)", cmd.CommandPath())
	})
	update, _, err := newRootCommand().Find([]string{"tenant", "update"})
	require.NoError(t, err)
	require.NotRegexp(t, `--limits .*\(default "`, update.Flags().FlagUsages(), "what is not given stays")
}

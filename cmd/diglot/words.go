package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// inWords has cmd, and those below it, say in words what is wrong with the
// arguments that they are given: which is missing, which is one too many.
func inWords(cmd *cobra.Command) {
	for _, below := range cmd.Commands() {
		inWords(below)
	}
	if cmd.Args == nil || cmd.HasSubCommands() {
		return
	}
	check := cmd.Args
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if check(cmd, args) == nil {
			return nil
		}
		takes := strings.Fields(cmd.Use)[1:]
		hint := "usage: " + cmd.UseLine()
		switch {
		case len(args) < len(takes):
			return withHint(fmt.Errorf("%s is missing: it says what %s is about", takes[len(args)], cmd.CommandPath()), hint)
		case len(takes) == 0:
			return withHint(fmt.Errorf("%q is one too many: %s takes flags alone", args[0], cmd.CommandPath()), hint)
		}
		return withHint(fmt.Errorf("%q is one too many: %s takes one %s", args[len(takes)], cmd.CommandPath(), strings.Trim(takes[0], "[]")), hint)
	}
}

// ownCommands has cobra's own commands fail where they are asked for what there is
// not.
func ownCommands(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "help":
			help := cmd.Run
			cmd.Run, cmd.RunE = nil, func(cmd *cobra.Command, args []string) error {
				if asked, rest, err := root.Find(args); err != nil || len(rest) > 0 {
					return unknownCommand(asked, rest)
				}
				help(cmd, args)
				return nil
			}
		case "completion":
			cmd.Args, cmd.RunE = cobra.ArbitraryArgs, runGroup
		}
	}
}

// runGroup is what a command does that has only commands below it.
func runGroup(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	return unknownCommand(cmd, args)
}

func unknownCommand(in *cobra.Command, args []string) error {
	return withHint(fmt.Errorf("unknown command %q for %q", args[0], in.CommandPath()), in.CommandPath()+" --help lists its commands")
}

// errNothingToChange is why a command that changes what it is told to refuses to.
var errNothingToChange = withHint(errors.New("nothing is given to change"), "say what to change, see --help")

// valueWords say what the flags of a type take, where Go's words for it would be told.
var valueWords = map[string]string{
	"bool": "it must be true or false", "int": "it must be a whole number", "int64": "it must be a whole number",
	"float64": "it must be a number", "duration": "it must be a duration such as 24h or 90s",
}

var (
	errNoTime     = errors.New("it must be a time such as 2027-01-31T00:00:00Z")
	errNoTimeSpan = errors.New("it must be a time such as 2027-01-31T00:00:00Z or a duration such as 24h")
)

// badValue says what a flag takes that was given, under a name, a value that it
// does not take.
func badValue(name string, err error) error {
	bad, ok := errors.AsType[*pflag.InvalidValueError](err)
	if !ok {
		return err
	}
	why, ok := valueWords[bad.GetFlag().Value.Type()]
	if !ok {
		why = bad.Unwrap().Error()
	}
	return fmt.Errorf("%s is %q: %s", name, bad.GetValue(), why)
}

// badFlag is badValue for a flag of the command line.
func badFlag(_ *cobra.Command, err error) error {
	if bad, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return badValue("--"+bad.GetFlag().Name, err)
	}
	return err
}

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/diglot/diglot/cmd/diglot/terminal"
)

// output is how a command prints what it has.
type output struct {
	format string
}

var formats = []string{"table", "json", "yaml"}

func (o *output) flags(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&o.format, "output", "o", "table", "how to print: table, json or yaml")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp)) // fails only for a flag that does not exist
}

// print writes v as JSON or YAML, exactly, or rows as a table under a header, safe
// to look at.
func (o *output) print(w io.Writer, v any, header []string, rows ...[]string) error {
	switch o.format {
	case "json":
		return encodeJSON(w, v)
	case "yaml":
		return encodeYAML(w, v)
	case "table":
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, row := range append([][]string{header}, rows...) {
			cells := make([]string, len(row))
			for i, text := range row {
				cells[i] = terminal.Cell(text) // clients choose some of it
			}
			if _, err := fmt.Fprintln(t, strings.Join(cells, "\t")); err != nil {
				return err
			}
		}
		return t.Flush()
	default:
		return fmt.Errorf("--output is %q: it must be table, json or yaml", o.format)
	}
}

func encodeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// encodeYAML writes what v is in JSON, with the same names in the same order.
func encodeYAML(w io.Writer, v any) error {
	var text bytes.Buffer
	if err := encodeJSON(&text, v); err != nil {
		return err
	}
	d := json.NewDecoder(&text)
	d.UseNumber()
	node, err := yamlNode(d)
	if err != nil {
		return err
	}
	e := yaml.NewEncoder(w)
	e.SetIndent(2)
	return errors.Join(e.Encode(node), e.Close())
}

// yamlNode reads one JSON value.
func yamlNode(d *json.Decoder) (*yaml.Node, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	delim, ok := token.(json.Delim)
	if !ok {
		node := &yaml.Node{}
		if n, is := token.(json.Number); is {
			tag := "!!int"
			if strings.ContainsAny(n.String(), ".eE") {
				tag = "!!float"
			}
			return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: n.String()}, nil
		}
		return node, node.Encode(token)
	}
	node := &yaml.Node{Kind: yaml.SequenceNode}
	if delim == '{' {
		node.Kind = yaml.MappingNode
	}
	for d.More() { // of an object a name, then its value
		element, err := yamlNode(d)
		if err != nil {
			return nil, err
		}
		node.Content = append(node.Content, element)
	}
	_, err = d.Token() // the end of it
	return node, err
}

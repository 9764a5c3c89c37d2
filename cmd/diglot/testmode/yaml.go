package testmode

import (
	"bytes"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v3"
)

// jsonOf gives what YAML, or JSON, says as JSON: the order of members and the
// digits of numbers are kept, since the dialects keep them too.
func jsonOf(text []byte) ([]byte, error) {
	if jsontext.Value(text).IsValid() {
		return text, nil
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, &seedError{"", "is neither YAML nor JSON: " + err.Error()}
	}
	var out bytes.Buffer
	e := jsontext.NewEncoder(&out)
	if len(document.Content) == 0 {
		return nil, &seedError{"", "is empty"}
	}
	if err := writeYAML(e, document.Content[0]); err != nil {
		return nil, &seedError{"", "can't be read: " + err.Error()}
	}
	return out.Bytes(), nil
}

func writeYAML(e *jsontext.Encoder, n *yaml.Node) error {
	begin, end := jsontext.BeginArray, jsontext.EndArray
	switch n.Kind {
	case yaml.AliasNode:
		return writeYAML(e, n.Alias)
	case yaml.MappingNode:
		begin, end = jsontext.BeginObject, jsontext.EndObject
	case yaml.SequenceNode:
	case yaml.DocumentNode, yaml.ScalarNode:
		return writeScalar(e, n)
	}
	if err := e.WriteToken(begin); err != nil {
		return err
	}
	for i, of := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			if err := e.WriteToken(jsontext.String(of.Value)); err != nil {
				return err
			}
			continue
		}
		if err := writeYAML(e, of); err != nil {
			return err
		}
	}
	return e.WriteToken(end)
}

func writeScalar(e *jsontext.Encoder, n *yaml.Node) error {
	if number := jsontext.Value(n.Value); (n.Tag == "!!int" || n.Tag == "!!float") && number.Kind() == '0' && number.IsValid() {
		return e.WriteValue(number)
	}
	if n.Tag == "!!timestamp" { // JSON has none: it is what was written
		return e.WriteToken(jsontext.String(n.Value))
	}
	var value any
	if err := n.Decode(&value); err != nil {
		return err
	}
	return json.MarshalEncode(e, value)
}

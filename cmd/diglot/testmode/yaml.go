package testmode

import (
	"bytes"
	"fmt"

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
	if len(document.Content) == 0 {
		return nil, &seedError{"", "is empty"}
	}
	var out bytes.Buffer
	w := yamlWriter{Encoder: jsontext.NewEncoder(&out)}
	if err := w.write(document.Content[0]); err != nil {
		return nil, &seedError{"", "can't be read: " + err.Error()}
	}
	return out.Bytes(), nil
}

// yamlWriter writes YAML as JSON. Aliases are written out, which may take any number
// of bytes however short the text is: so it is bounded.
type yamlWriter struct {
	*jsontext.Encoder

	aliases int // that it is within
}

var errManyAliases = fmt.Errorf("its aliases say more than %d MiB", maxBody>>20)

func (w *yamlWriter) write(n *yaml.Node) error {
	if w.aliases > 0 && w.OutputOffset() > maxBody {
		return errManyAliases
	}
	begin, end := jsontext.BeginArray, jsontext.EndArray
	switch n.Kind {
	case yaml.AliasNode:
		w.aliases++
		err := w.write(n.Alias)
		w.aliases--
		return err
	case yaml.MappingNode:
		begin, end = jsontext.BeginObject, jsontext.EndObject
	case yaml.SequenceNode:
	case yaml.DocumentNode, yaml.ScalarNode:
		return writeScalar(w.Encoder, n)
	}
	if err := w.WriteToken(begin); err != nil {
		return err
	}
	for i, of := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			if err := w.WriteToken(jsontext.String(of.Value)); err != nil {
				return err
			}
			continue
		}
		if err := w.write(of); err != nil {
			return err
		}
	}
	return w.WriteToken(end)
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

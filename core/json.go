package core

// JSON is the text of one JSON value: valid, compact, its member order and
// its numbers as they came in. nil: never given. Core passes it through.
type JSON []byte

// MaxDepth is how deep arrays and objects may nest in what a client sends: what
// MongoDB takes, on which one vendor runs; the database's own parser gives up at
// some thousands.
const MaxDepth = 100

// DeeperThan reports whether the text nests deeper than limit. Text that is
// not JSON gives any answer.
func (j JSON) DeeperThan(limit int) bool {
	depth, inString := 0, false
	for i := 0; i < len(j); i++ {
		switch c := j[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			depth++
			if depth > limit {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

package shadow

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/diglot/diglot/core"
)

// maxValues is how many values an answer may have, counted with those below others:
// each takes about 300 bytes while it is compared, however few it has itself.
const maxValues = 200_000

// maxDepth is how deep an answer may nest: no deeper than any that Diglot takes.
const maxDepth = 110

// Why a body can't be read.
var (
	errTooLarge = errors.New("the answer is too large")
	errTooDeep  = errors.New("the answer nests too deep")
	errEncoding = errors.New("the answer is packed otherwise than asked for")
)

// unpacked gives an answer's body as it was before it was packed.
func (a *answer) unpacked() ([]byte, error) {
	switch strings.ToLower(a.header.Get("Content-Encoding")) {
	case "", "identity":
		return a.body, nil
	case "gzip":
	default:
		return nil, errEncoding
	}
	if len(a.body) == 0 {
		return nil, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(a.body))
	if err != nil {
		return nil, errEncoding
	}
	body, err := io.ReadAll(io.LimitReader(z, maxAnswerBytes+1))
	if err == nil && len(body) > maxAnswerBytes {
		err = errTooLarge
	}
	return body, err
}

// nothing is the value of a body that there isn't, other that of one that is not
// JSON.
type (
	nothing struct{}
	other   string
)

// value reads a body.
func (a *answer) value() (any, error) {
	body, err := a.unpacked()
	if err != nil {
		return nil, err
	}
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\uFEFF")))
	if len(body) == 0 {
		return nothing{}, nil
	}
	if core.JSON(body).DeeperThan(maxDepth) {
		return nil, errTooDeep
	}
	if moreValues(body, maxValues) {
		return nil, errTooLarge
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if d.Decode(&v) == nil && isEnd(d) {
		return v, nil
	}
	return other(body), nil
}

// moreValues reports whether a body of JSON has more values than so many: one, and
// one more for each that is opened and each comma.
func moreValues(body []byte, than int) bool {
	n, quoted := 1, false
	for i := 0; i < len(body) && n <= than; i++ {
		switch body[i] {
		case '"':
			quoted = !quoted
		case '\\':
			if quoted {
				i++
			}
		case '[', '{', ',':
			if !quoted {
				n++
			}
		}
	}
	return n > than
}

// isEnd reports whether nothing follows what was read.
func isEnd(d *json.Decoder) bool {
	_, err := d.Token()
	return errors.Is(err, io.EOF)
}

func typeOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case nothing:
		return "no body"
	case other:
		return "not JSON"
	case string:
		return "string"
	case json.Number:
		return "number"
	case bool:
		return "boolean"
	case []any:
		return "array"
	}
	return "object"
}

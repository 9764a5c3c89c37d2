package dialects

import (
	"bytes"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/diglot/diglot/core"
)

// syntax is how JSON is read and written everywhere: duplicate members are
// taken as JavaScript takes them, the last one counts; nothing is escaped that
// needs no escaping.
var syntax = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.EscapeForHTML(false), jsontext.EscapeForJS(false))

// output is syntax for answers: what a path had in it is shown even where it
// is not UTF-8, U+FFFD for the rest.
var output = json.JoinOptions(syntax, jsontext.AllowInvalidUTF8(true))

// byteOrderMark is what some clients begin UTF-8 text with; both vendors' body
// parser takes it off.
var byteOrderMark = []byte("\uFEFF")

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// maxPooledBytes keeps a buffer that grew for one large body from staying.
const maxPooledBytes = 64 << 10

func release(b *bytes.Buffer) {
	if b.Cap() <= maxPooledBytes {
		b.Reset()
		buffers.Put(b)
	}
}

var contentType = []string{"application/json; charset=utf-8"}

// writeJSON writes an answer with the entity tag that it is given, "" for
// Express's. What it takes is counted before anything is written.
func writeJSON(w http.ResponseWriter, r *http.Request, m *core.Meter, status int, tag string, v any) error {
	if m.Bytes() > maxWholeBytes {
		return writeInParts(w, r, status, tag, v)
	}
	b := buffers.Get().(*bytes.Buffer)
	defer release(b)
	if err := json.MarshalWrite(b, v, output); err != nil {
		return &core.Error{Message: "encode the answer", Err: err}
	}
	if b.Len() > core.FreeBytes {
		if err := m.Count(b.Cap()); err != nil {
			return err
		}
	}
	if tag == "" {
		tag = entityTag(b.Bytes())
	}
	if writeHeader(w, r, status, tag, b.Len()) {
		_, _ = w.Write(b.Bytes()) // the client may be gone; there is nobody left to tell
	}
	return nil
}

// writeHeader writes an answer's header, and reports whether there is to be a
// body: not where the client has it.
func writeHeader(w http.ResponseWriter, r *http.Request, status int, tag string, length int) bool {
	h := w.Header()
	h["Etag"] = []string{tag} // names in the form that Set would make of them, at each request
	if status < http.StatusMultipleChoices && isFresh(r, tag) {
		w.WriteHeader(http.StatusNotModified)
		return false
	}
	h["Content-Type"] = contentType
	h["Content-Length"] = []string{strconv.Itoa(length)}
	w.WriteHeader(status)
	return true
}

// Request is what a request struct reads itself from.
type Request struct {
	http   *http.Request
	param  func(name string) string
	writer http.ResponseWriter
	once   *core.Once // where it is to be served once

	maxBody int64 // bytes
	bodies  *Bodies
	tenant  core.TenantID
	taken   int64 // of bodies
	meter   core.Metered
}

// Param gives a path parameter.
func (r *Request) Param(name string) string {
	v := r.param(name)
	if r.http.URL.RawPath == "" {
		return v
	}
	if plain, err := url.PathUnescape(v); err == nil { // the router matched the escaped path
		return plain
	}
	return v
}

// Query gives the query's parameters. A malformed pair is left out.
func (r *Request) Query() url.Values { return r.http.URL.Query() }

// Header gives the first value of a header, "" where there is none.
func (r *Request) Header(name string) string { return r.http.Header.Get(name) }

// JSON reads the body, a JSON object, into the fields of the struct that into
// points to; no body at all is an empty object. Malformed, TooLarge.
func (r *Request) JSON(into any) error {
	b := buffers.Get().(*bytes.Buffer)
	defer release(b)
	if err := r.readBody(b); err != nil {
		return err
	}
	if r.once != nil {
		r.once.Digest = digestOf(b.Bytes())
	}
	body := bytes.TrimLeft(bytes.TrimPrefix(b.Bytes(), byteOrderMark), " \t\r\n")
	switch {
	case len(body) == 0:
		return nil
	case !isJSON(r.http.Header.Get("Content-Type")):
		return malformed("the content type is not application/json", nil)
	case body[0] != '{':
		return malformed("the body is not a JSON object", nil)
	case core.JSON(body).DeeperThan(core.MaxDepth):
		return malformed("the body nests deeper than 100 levels", nil)
	}
	wholeSurrogates(body)
	if err := json.Unmarshal(body, into, syntax); err != nil {
		return malformed("the body is not JSON", err)
	}
	return nil
}

var errTooLarge = &core.Error{Kind: core.TooLarge, Noun: "body", Message: "the body is larger than it may be"}

func malformed(message string, err error) error {
	return &core.Error{Kind: core.Malformed, Noun: "body", Message: message, Err: err}
}

func isJSON(contentType string) bool {
	if contentType == "application/json" {
		return true
	}
	t, _, err := mime.ParseMediaType(contentType)
	return (err == nil || errors.Is(err, mime.ErrInvalidMediaParameter)) && t == "application/json"
}

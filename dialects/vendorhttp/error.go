package vendorhttp

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Error is a request that failed. It has no query, no header and no credential
// in it, so that it may be shown and logged; what the vendor said is cut, and on
// one line without control characters.
type Error struct {
	Vendor  string
	Method  string
	Path    string // without the query
	Status  int    // 0: no answer came
	Code    string // the vendor's, "" where it says none
	Message string // the vendor's
	// Excerpt is how a body begins that is not JSON, such as a proxy's page.
	Excerpt string
	// RetryAfter is how long the vendor asked to wait; 0: it didn't.
	RetryAfter time.Duration
	// Attempts is how often the request was sent. Where it is more than one, a
	// write that failed for what is there may be its own earlier doing.
	Attempts int
	Err      error // what went wrong, where there is no status or a good one
}

// Error implements error.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s %s", e.Vendor, e.Method, e.Path)
	if e.Status != 0 {
		fmt.Fprintf(&b, ": %d %s", e.Status, http.StatusText(e.Status))
	}
	for _, part := range []string{e.Code, e.Message} {
		if part != "" {
			b.WriteString(": " + part)
		}
	}
	if e.Excerpt != "" {
		fmt.Fprintf(&b, ": %q", e.Excerpt)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Unwrap gives what went wrong.
func (e *Error) Unwrap() error { return e.Err }

// worded is an error in words that have no secret in them: net/http's quote what a
// vendor said. What it is made of answers errors.Is and errors.As, and is not given to
// who prints one error of a chain after the other.
type worded struct {
	words string
	err   func() error // a function, so that no way of printing the struct shows it
}

func (c *Client) worded(err error) error {
	if err == nil {
		return nil
	}
	return &worded{c.line(err.Error(), messageBytes), func() error { return err }}
}

func (w *worded) Error() string        { return w.words }
func (w *worded) Is(target error) bool { return errors.Is(w.err(), target) }
func (w *worded) As(target any) bool   { return errors.As(w.err(), target) }

// StatusOf gives the status of the first [*Error] in err's chain, else 0.
func StatusOf(err error) int {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Status
	}
	return 0
}

// ErrAnswer is an answer that says that all is well and can't be read.
var ErrAnswer = errors.New("an answer that can't be read")

// errTooLarge is an answer that is larger than it may be.
var errTooLarge = fmt.Errorf("%w: it is larger than it may be", ErrAnswer)

// How much of what a vendor said is shown, in bytes: of a body that isn't JSON, of
// its code or a path, and of its message.
const (
	excerptBytes = 200
	messageBytes = 1000
)

// line is the beginning of what a vendor said, fit to be printed and kept: one line
// of at most most bytes and an ellipsis, without the client's secrets and without
// what moves a terminal's cursor, turns the text's direction or has no width.
func (c *Client) line(text string, most int) string {
	text = c.redact(text)
	const wide = 4 // so many bytes for one are more than ever come of it
	if len(text) > most*wide {
		text = text[:most*wide] // what is megabytes long isn't read to its end
	}
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsGraphic(r) || unicode.Is(unicode.Variation_Selector, r):
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	text = strings.Join(strings.Fields(text), " ")
	if len(text) <= most {
		return text
	}
	cut := most
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}

// excerpt is how a body begins. Of JSON its strings have their shortest spelling, so
// that none is another way to spell a secret.
func (c *Client) excerpt(body []byte) string {
	text := jsontext.Value(bytes.Clone(body))
	if text.Format(lenient...) != nil {
		text = body
	}
	return c.line(string(text), excerptBytes)
}

// withoutURL takes off what net/http wraps errors in: its text has the whole
// URL, query included.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

package vendorhttp

import (
	"fmt"
	"html"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// redacted is what is shown in a secret's place.
const redacted = "[redacted]"

// Secret is a credential. No way of printing, logging or encoding it shows it.
type Secret string

// Format implements [fmt.Formatter], for every verb.
func (Secret) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(redacted)) }

// LogValue implements [slog.LogValuer].
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements [encoding.TextMarshaler].
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// spellings are those that a vendor, or net/http where it quotes one, may give a
// secret in: as it is, in JSON, a URL or a page, and each of them quoted by Go.
func spellings(secret string) (all []string) {
	for _, s := range []string{
		secret, strings.ReplaceAll(secret, "/", `\/`), url.QueryEscape(secret), url.PathEscape(secret), html.EscapeString(secret),
	} {
		quoted := strconv.Quote(s)
		all = append(all, s, quoted[1:len(quoted)-1])
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// redactor takes a client's secrets out of what a vendor said, which may repeat
// what it was sent.
func redactor(credentials []Credential) func(string) string {
	var all []string
	for _, h := range credentials {
		if h.Secret != "" {
			all = append(all, spellings(string(h.Secret))...)
		}
	}
	return func(text string) string {
		for _, s := range all {
			text = hide(text, s)
		}
		return text
	}
}

// long is the length of a secret of which half is told by nothing else.
const long = 16

// hide takes a secret out of a text: what is said may break off in the middle of it,
// and half of a long one is as good as all of it.
func hide(text, secret string) string {
	least := len(secret)
	if least >= long {
		least /= 2
	}
	var out strings.Builder
	for {
		before, _, is := strings.Cut(text, secret[:least])
		out.WriteString(before)
		if !is {
			return out.String()
		}
		out.WriteString(redacted)
		text = text[len(before):]
		n := least
		for n < min(len(secret), len(text)) && text[n] == secret[n] {
			n++
		}
		text = text[n:]
	}
}

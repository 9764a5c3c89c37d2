package vendorhttp

import (
	"fmt"
	"log/slog"
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

// redact takes a client's secrets out of what a vendor said, which may repeat
// what it was sent.
func (c *Client) redact(text string) string {
	for _, h := range c.credentials() {
		if h.Secret != "" {
			text = strings.ReplaceAll(text, string(h.Secret), redacted)
		}
	}
	return text
}

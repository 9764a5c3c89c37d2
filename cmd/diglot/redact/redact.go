package testmode

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// redacted stands for a credential.
const redacted = "[redacted]"

// credentialHeaders hold credentials, or may.
var credentialHeaders = map[string]bool{
	"Authorization": true, "X-Api-Key": true, "Apikey": true, "Cookie": true, "Proxy-Authorization": true,
}

// credentialMembers are members of a body that hold some, in either dialect or by
// their common names; what is below them is one too.
var credentialMembers = map[string]bool{
	"auth_credentials": true, "token": true, "refresh_token": true, "access_token": true, "session_token": true, "password": true,
	"secret": true, "client_secret": true, "api_key": true, "apikey": true, "x-api-key": true, "authorization": true,
}

// secrets are the values of one request's credentials: they are hidden wherever
// else they occur in it.
type secrets []string

// minSecret is the length from which on a value is looked for elsewhere: a shorter
// one is no credential, and part of many words.
const minSecret = 8

func secretsOf(h http.Header) (s secrets) {
	for name := range credentialHeaders {
		for _, value := range h[name] {
			for _, word := range strings.Fields(value) {
				if len(word) >= minSecret {
					s = append(s, word)
				}
			}
		}
	}
	return s
}

func (s secrets) in(text string) string {
	for _, one := range s {
		text = strings.ReplaceAll(text, one, redacted)
	}
	return text
}

// body gives a body as the journal keeps it, nil where there was none, and whether
// it is only said why it is not kept.
func (s secrets) body(text []byte, more bool) (kept jsontext.Value, unread bool) {
	if len(text) == 0 {
		return nil, false
	}
	if shown, err := withoutCredentials(text); err == nil && !more {
		return jsontext.Value(s.in(string(shown))), false
	}
	// What can't be read can't be looked through: nothing of it is kept.
	note := "a body that is not JSON"
	if more {
		note = "a body of more than 64 KiB"
	}
	return jsontext.Value(`"[` + note + `]"`), true
}

// withoutCredentials gives JSON with the members hidden that hold credentials; all
// else is as it was, numbers and the order of members too.
func withoutCredentials(text []byte) ([]byte, error) {
	var out bytes.Buffer
	d := jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowDuplicateNames(true))
	e := jsontext.NewEncoder(&out, jsontext.AllowDuplicateNames(true))
	for {
		token, err := d.ReadToken()
		if err != nil {
			return bytes.TrimSpace(out.Bytes()), errUnlessEnd(d, err)
		}
		isName := token.Kind() == '"' && inName(d)
		name := token.String()
		if err := e.WriteToken(token); err != nil {
			return nil, err
		}
		if !isName || !credentialMembers[strings.ToLower(name)] {
			continue
		}
		if err := d.SkipValue(); err != nil {
			return nil, err
		}
		if err := e.WriteToken(jsontext.String(redacted)); err != nil {
			return nil, err
		}
	}
}

// inName reports whether the token that was read last is the name of a member.
func inName(d *jsontext.Decoder) bool {
	kind, length := d.StackIndex(d.StackDepth())
	return kind == '{' && length%2 == 1
}

func errUnlessEnd(d *jsontext.Decoder, err error) error {
	if errors.Is(err, io.EOF) && d.StackDepth() == 0 {
		return nil
	}
	return err
}

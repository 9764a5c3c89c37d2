// Package redact takes the credentials out of what is kept of requests and their
// answers.
package redact

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Mark stands for a credential.
const Mark = "[redacted]"

// names are of headers, of parameters of a query and of members of a body that hold
// credentials, in either dialect or by their common names, as [plain] gives them. What
// is below such a member is one too.
var names = map[string]bool{
	"apikey": true, "apisecret": true, "apitoken": true, "authorization": true, "proxyauthorization": true, "authcredentials": true,
	"token": true, "authtoken": true, "accesstoken": true, "refreshtoken": true, "sessiontoken": true, "idtoken": true, "csrftoken": true,
	"securitytoken": true, "amzsecuritytoken": true, "amzcredential": true, "amzsignature": true, "password": true, "passwd": true,
	"secret": true, "clientsecret": true,
}

// plain gives a name in small letters without what separates its words, and without
// the X that a header may begin with: apikey for X-Api-Key and api_key.
func plain(name string) string {
	name = strings.ToLower(name)
	if len(name) > 2 && name[0] == 'x' && (name[1] == '-' || name[1] == '_') {
		name = name[2:]
	}
	return separators.Replace(name)
}

var separators = strings.NewReplacer("-", "", "_", "")

// IsHeader reports whether a header holds a credential, or may.
func IsHeader(name string) bool {
	name = plain(name)
	return names[name] || name == "cookie" || name == "setcookie"
}

// IsMember reports whether a member of a body is a credential by its name.
func IsMember(name string) bool { return names[plain(name)] }

// isParameter reports whether a parameter of a query is a credential by its name.
func isParameter(name string) bool {
	name = plain(name)
	return names[name] || name == "sig" || name == "signature"
}

var (
	userInfo  = regexp.MustCompile(`://[^/?#\s"\\@]*@`)
	parameter = regexp.MustCompile(`([?&;])([^=?&;#\s"\\]{1,100})=([^&#\s"\\]+)`)
)

// InURLs gives text, or JSON, with a mark in place of what in its URLs is a
// credential: who the user is, and parameters of the query by their names.
func InURLs(text string) string {
	text = userInfo.ReplaceAllString(text, "://"+Mark+"@")
	return parameter.ReplaceAllStringFunc(text, func(one string) string {
		name, _, _ := strings.Cut(one[1:], "=")
		if known, err := url.QueryUnescape(name); err == nil && !isParameter(known) {
			return one
		}
		return one[:1] + name + "=" + Mark
	})
}

// Secrets are the values of one request's credentials: they are hidden wherever
// else they occur in it.
type Secrets []string

// minSecret is the length from which on a value is looked for elsewhere: a shorter
// one is no credential, and part of many words.
const minSecret = 8

// SecretsOf gives the credentials in a request's header.
func SecretsOf(h http.Header) (s Secrets) {
	for name, values := range h {
		if !IsHeader(name) {
			continue
		}
		for _, value := range values {
			for _, word := range strings.Fields(value) {
				if len(word) >= minSecret {
					s = append(s, word)
				}
			}
		}
	}
	return s
}

// Query gives a query as it came, with a mark in place of each value that is a
// credential by its parameter's name, and of each secret.
func (s Secrets) Query(raw string) string {
	parameters := strings.Split(raw, "&")
	for i, p := range parameters {
		name, value, _ := strings.Cut(p, "=")
		known, err := url.QueryUnescape(name)
		if value != "" && (err != nil || isParameter(known)) {
			parameters[i] = name + "=" + Mark
		}
	}
	return s.In(strings.Join(parameters, "&"))
}

// In gives text with a mark in place of each secret, also as a URL has it.
func (s Secrets) In(text string) string {
	for _, one := range s {
		text = strings.ReplaceAll(text, one, Mark)
		for _, escaped := range []string{url.PathEscape(one), url.QueryEscape(one)} {
			if escaped != one {
				text = strings.ReplaceAll(text, escaped, Mark)
			}
		}
	}
	return text
}

// Body gives a body as it may be kept, nil where there was none, and whether it is
// only said why it is not kept; more: there was more than text.
func (s Secrets) Body(text []byte, more bool) (kept jsontext.Value, unread bool) {
	if len(text) == 0 {
		return nil, false
	}
	if shown, err := withoutCredentials(text); err == nil && !more {
		return jsontext.Value(s.In(string(shown))), false
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
		if !isName || !IsMember(name) {
			continue
		}
		if err := d.SkipValue(); err != nil {
			return nil, err
		}
		if err := e.WriteToken(jsontext.String(Mark)); err != nil {
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

package cometchat

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"regexp"
	"strings"

	"github.com/diglot/diglot/core"
)

// keyBytes is the length of an API key: it is written as 40 hex digits.
// Documented: contract 1.2.
const keyBytes = 20

// NewAPIKey makes an API key in the vendor's shape.
func NewAPIKey() string {
	var b [keyBytes]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never fails
	return hex.EncodeToString(b[:])
}

var keyShape = regexp.MustCompile(`^[0-9a-f]{40}$`)

// HasKeyShape reports whether a value looks like one of the vendor's API keys.
func HasKeyShape(value string) bool { return keyShape.MatchString(value) }

// authenticate takes an API key, which has to be one of the app's that the
// address names (by its host, by the appid header, or not at all, and then the
// app is the key's own), and has to have the scope for what is asked. They are
// checked in this order: who may not know of an app isn't told of a key's scope.
func (d *dialect) authenticate(ctx context.Context, r *http.Request) (*core.Principal, error) {
	key := r.Header.Get("apikey")
	if key == "" {
		return nil, &core.Error{Kind: core.NoCredential, Noun: "credential", Message: "no apikey"}
	}
	p, err := d.core.PrincipalByKey(ctx, core.CometChat, key)
	if core.KindOf(err) == core.BadCredential {
		return nil, &keyError{masked: mask(key), err: err}
	}
	if err != nil {
		return nil, err
	}
	if err := addresses(r, p.Tenant.CometChat); err != nil {
		return nil, err
	}
	if p.Scope != core.FullAccess {
		return p, &keyError{masked: mask(key), err: errScope}
	}
	return p, nil
}

// errScope is for keys that create users and auth tokens at the vendor, which
// are no operations of this API.
var errScope = &core.Error{Kind: core.Forbidden, Noun: "credential", Message: "the key's scope is not fullAccess"}

// What keeps a request from being meant for the key's app.
var (
	errEmptyApp = &core.Error{Kind: core.WrongTenant, Noun: "tenant", Message: "the address has an app's id that is empty"}
	errOtherApp = &core.Error{Kind: core.WrongTenant, Noun: "tenant", Message: "the address names another app than the key's"}
)

// addresses says why a request is not meant for an app: something in it names
// another, or has the place of a name and none in it (inferred: contract 1.5).
// App ids are compared without case where they are part of a host.
func addresses(r *http.Request, app *core.CometChatAddress) error {
	header, inHeader := r.Header["Appid"]
	id, region, inHost := appOfHost(r.Host)
	switch {
	case inHeader && strings.TrimSpace(header[0]) == "", inHost && id == "":
		return errEmptyApp
	case inHeader && header[0] != app.AppID,
		inHost && (!strings.EqualFold(id, app.AppID) || !strings.EqualFold(region, app.Region)):
		return errOtherApp
	}
	return nil
}

// appOfHost takes the app's id, which may be empty, and region out of a host of
// the vendor's form, {appId}.api-{region}.<any domain>; ok is false for any
// other host. Of what is api- and something else, a service's name or an
// environment's, no part is an app's: the vendor has the three regions (contract
// 1.1). The domain is whoever's runs the gateway.
func appOfHost(host string) (id, region string, ok bool) {
	id, rest, _ := strings.Cut(host, ".")
	label, _, more := strings.Cut(rest, ".")
	region, isAPI := strings.CutPrefix(strings.ToLower(label), "api-")
	return id, region, more && isAPI && core.ValidRegion(region)
}

// The parts of a key that a masked one shows. Recorded: contract 1.5, C14.
const (
	shownStart = 5
	shownEnd   = 5
	maxStars   = 30 // a 40 digit key's; what is longer was never a key
)

// mask keeps the first and the last five characters of a key and stars the
// others; too short a key is all stars.
func mask(key string) string {
	if len(key) <= shownStart+shownEnd {
		return strings.Repeat("*", len(key))
	}
	stars := strings.Repeat("*", min(maxStars, len(key)-shownStart-shownEnd))
	return printable(key[:shownStart]) + stars + printable(key[len(key)-shownEnd:])
}

// printable stars what may not stand in a reply: a header's bytes are anything.
func printable(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return '*'
		}
		return c
	}, s)
}

package store

import (
	"errors"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5"
)

// unreadable says why a database's URL can't be read without saying any of it: in
// what can't be read nobody knows where the password ends. pgx's own error has the
// whole of it, with what it takes for the password left out.
func unreadable(text string, err error) error {
	const what = "read database URL: "
	reason := errors.Unwrap(err)
	u, wrong := url.Parse(text)
	if reason == nil || wrong != nil || !strings.HasPrefix(u.Scheme, "postgres") || u.User == nil && strings.Contains(text, "@") {
		return errors.New(what + "it is no postgres://user:password@host/database; in a password, write what is special as in %2F")
	}
	if password, given := u.User.Password(); given && password != "" && strings.Contains(reason.Error(), password) {
		return errors.New(what + "a value in it is not acceptable")
	}
	return errors.New(what + reason.Error()) // and not its cause, which may say more
}

// requireHost refuses a URL with a slash too many: what was meant as the password
// would be part of the database's name, which errors say.
func requireHost(cc *pgx.ConnConfig) error {
	if strings.ContainsAny(cc.Database, "@") {
		return errors.New("read database URL: the database's name has an @ in it: write postgres://user:password@host/database")
	}
	return nil
}

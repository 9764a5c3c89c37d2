package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"

	"github.com/diglot/diglot/cmd/diglot/admin"
	"github.com/diglot/diglot/cmd/diglot/gateway"
	"github.com/diglot/diglot/store"
)

// newOperations is the operations listener's handler: metrics, health, what a
// shadow found last, and the admin API with its page where there is one;
// elsewhere, which paths there are. A probe that asks here waits behind no client.
func newOperations(g *gateway.Gateway, m *metrics, api *admin.Handler, found *shadowing) http.Handler {
	scrape := m.handler()
	paths := map[string]string{"error": "no such path", "metrics": "/metrics", "healthz": "/healthz", "readyz": "/readyz"}
	if api == nil {
		paths["admin"] = "not served: give " + envAdminToken + " or " + envAdminTokenFile
	} else {
		paths["admin"], paths["openapi"], paths["docs"] = admin.Prefix, admin.DocumentPath, gateway.DocsPath
	}
	if found != nil {
		paths["shadow"] = "/shadow"
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch path := r.URL.Path; {
		case path == "/metrics":
			scrape.ServeHTTP(w, r)
		case path == "/healthz", path == "/readyz":
			g.ServeHTTP(w, r)
		case path == "/shadow" && found != nil:
			w.Header().Set("Content-Type", "application/jsonl")
			_ = found.Recent(w) // who asked may be gone
		case api != nil && strings.HasPrefix(path, admin.Prefix+"/"):
			api.ServeHTTP(w, r)
		case api != nil && gateway.IsDocs(path):
			gateway.AdminDocs.Serve(w, r)
		default:
			gateway.Answer(w, http.StatusNotFound, paths)
		}
	})
}

// readAdmins gives those who may use the admin API; nil: nobody, and there is
// none. The file counts where both are given.
func (c *serveConfig) readAdmins(logger *slog.Logger) (admins *admin.Admins, err error) {
	path, token, variable := os.Getenv(envAdminTokenFile), os.Getenv(envAdminToken), envAdminTokenFile
	switch {
	case path != "":
		admins, err = admin.AdminsFromFile(path, logger)
	case token != "":
		variable = envAdminToken
		admins, err = admin.OneAdmin(token)
	default:
		return nil, nil //nolint:nilnil // which is what no admin API is
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", variable, err)
	}
	if !c.servesOperations() {
		return nil, withHint(fmt.Errorf("%s is given and --ops-addr is off", variable), "the admin API is served on --ops-addr: name an address")
	}
	return admins, nil
}

// openDirectory opens the database as an operator, for the admin API: with the
// login that is given for it, else with that of all else.
func (b *backend) openDirectory(ctx context.Context, db *database, logger *slog.Logger) error {
	url, own := os.Getenv(envOperatorURL), false
	if url == "" {
		url, own = db.url, true
	}
	s, err := store.Open(ctx, store.Config{URL: url, Role: store.Operator, Logger: logger})
	switch {
	case errors.Is(err, store.ErrNotOperator) && own:
		return withHint(fmt.Errorf("the admin API: %w", err),
			"give the login of an operator in "+envOperatorURL+", or leave out "+envAdminToken+" and "+envAdminTokenFile)
	case err != nil:
		return fmt.Errorf("the admin API: %w", err)
	}
	b.directory = s
	b.closers = append(b.closers, func() error { s.Close(); return nil })
	if own {
		return nil
	}
	same, err := s.LeadsTo(ctx, db.url)
	if err == nil && !same {
		err = errors.New(envOperatorURL + " leads to another database than " + envDatabaseURL)
	}
	return err
}

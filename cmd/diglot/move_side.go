package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/diglot/diglot/cmd/diglot/move"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects/cometchat"
	cometclient "github.com/diglot/diglot/dialects/cometchat/client"
	"github.com/diglot/diglot/dialects/refold"
	refoldclient "github.com/diglot/diglot/dialects/refold/client"
	"github.com/diglot/diglot/dialects/vendorhttp"
)

// The vendors' keys of a move.
const (
	envFromKey     = "DIGLOT_FROM_KEY"
	envFromKeyFile = "DIGLOT_FROM_KEY_FILE" // a file that holds it, which counts where both are set
	envToKey       = "DIGLOT_TO_KEY"
	envToKeyFile   = "DIGLOT_TO_KEY_FILE"
)

// sides are the two sides of a move.
type sides struct {
	from   move.Source // nil: it isn't asked
	to     move.Target
	tenant core.Tenant // that records are mapped into
	admin  *administration
}

func (s *sides) close() error {
	if s.admin == nil {
		return nil
	}
	return s.admin.Close()
}

// context says who acts, for the history of tenants.
func (s *sides) context(ctx context.Context) context.Context {
	return core.WithActor(ctx, operator())
}

// side is one side's address and what it takes to reach it.
type side struct {
	kind, rest         string
	flag               string
	keyName, keyFile   string
	account, toldAs    string
	insecure           bool
	rate               float64
	burst              int
	template, fromName string
}

// open opens both sides, or the target alone; what is wrong with an address is told before anything
// is opened.
func (m *moveConfig) open(ctx context.Context) (_ *sides, err error) {
	from := side{flag: "--from", keyName: envFromKey, keyFile: envFromKeyFile, account: m.fromAccount, toldAs: "--from-account"}
	to := side{flag: "--to", keyName: envToKey, keyFile: envToKeyFile, account: m.toAccount, toldAs: "--to-account"}
	for s, address := range map[*side]string{&from: m.from, &to: m.to} {
		s.insecure, s.rate, s.burst, s.template, s.fromName = m.insecure, m.rate, m.burst, m.template, m.from
		if m.toAlone && s == &from {
			continue
		}
		if err := s.parse(address); err != nil {
			return nil, err
		}
	}
	if m.from == m.to {
		return nil, errors.New("--from and --to are the same")
	}
	out := &sides{}
	defer func() {
		if err != nil {
			_ = out.close() // the error that led here is the one to tell
		}
	}()
	if from.kind == "tenant" || to.kind == "tenant" {
		if out.admin, err = m.administer(ctx, existing); err != nil {
			return nil, err
		}
	}
	if !m.toAlone {
		if out.from, err = from.source(ctx, out); err != nil {
			return nil, err
		}
	}
	out.to, err = to.target(ctx, out)
	return out, err
}

// parse reads an address.
func (s *side) parse(address string) error {
	var ok bool
	if s.kind, s.rest, ok = strings.Cut(address, ":"); !ok || s.rest == "" {
		return fmt.Errorf("%s is %q: it must be refold:URL, cometchat:URL, tenant:NAME or file:PATH", s.flag, address)
	}
	switch s.kind {
	case "tenant", "file":
		return nil
	case string(core.Refold), string(core.CometChat):
	default:
		return fmt.Errorf("%s is %q: it must be refold:URL, cometchat:URL, tenant:NAME or file:PATH", s.flag, address)
	}
	u, err := url.Parse(s.rest)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" {
		return fmt.Errorf("%s has no URL of a host, without a user and a query", s.flag) // its text may have a secret
	}
	for _, known := range []string{refold.Prefix, cometchat.Prefix} {
		if strings.HasSuffix(strings.TrimSuffix(u.Path, "/"), known) {
			return fmt.Errorf("%s: give the address without %s", s.flag, known)
		}
	}
	if u.Scheme == "http" && !s.insecure && !isHere(u.Hostname()) {
		return withHint(fmt.Errorf("%s would send the key over http", s.flag), "use https, or --insecure-http where the network is your own")
	}
	return nil
}

// isHere reports whether a host is this machine: by its address, as a name may
// begin like one.
func isHere(host string) bool {
	at, err := netip.ParseAddr(host)
	return err == nil && at.Unmap().IsLoopback() || strings.EqualFold(host, "localhost")
}

// key gives the key of a vendor.
func (s *side) key() (vendorhttp.Secret, error) {
	key := os.Getenv(s.keyName)
	if path := os.Getenv(s.keyFile); path != "" {
		text, err := os.ReadFile(path) //nolint:gosec // the operator names the file
		if err != nil {
			return "", fmt.Errorf("%s: %w", s.keyFile, err)
		}
		key = strings.TrimSpace(string(text))
	}
	if key == "" {
		return "", withHint(fmt.Errorf("there is no key for %s", s.flag), "set "+s.keyName+" or "+s.keyFile)
	}
	return vendorhttp.Secret(key), nil
}

func (s *side) options() vendorhttp.Options {
	return vendorhttp.Options{Base: s.rest, Rate: s.rate, Burst: s.burst, Now: time.Now}
}

func (s *side) refold() (*move.Refold, error) {
	key, err := s.key()
	if err != nil {
		return nil, err
	}
	if s.account == "" {
		return nil, withHint(fmt.Errorf("a Refold key of %s is asked beside a linked account", s.flag), "name one: "+s.toldAs)
	}
	c, err := refoldclient.New(s.options(), refoldclient.Credentials{APIKey: key, LinkedAccount: s.account})
	if err != nil {
		return nil, err
	}
	return move.NewRefold(c), nil
}

func (s *side) cometchat() (*move.CometChat, error) {
	key, err := s.key()
	if err != nil {
		return nil, err
	}
	c, err := cometclient.New(s.options(), cometclient.Credentials{APIKey: key})
	if err != nil {
		return nil, err
	}
	return move.NewCometChat(c, s.template), nil
}

func (s *side) tenant(ctx context.Context, of *sides) (*move.Tenant, error) {
	t, err := of.admin.Tenant(ctx, s.rest)
	if err != nil {
		return nil, explainTenant(err)
	}
	return &move.Tenant{Operator: of.admin.Operator, Store: of.admin.store, Tenant: t}, nil
}

func (s *side) source(ctx context.Context, of *sides) (move.Source, error) {
	switch s.kind {
	case string(core.Refold):
		return s.refold()
	case string(core.CometChat):
		return s.cometchat()
	case "tenant":
		return s.tenant(ctx, of)
	}
	f := &move.File{Path: s.rest}
	return f, f.Check()
}

func (s *side) target(ctx context.Context, of *sides) (move.Target, error) {
	switch s.kind {
	case string(core.Refold):
		r, err := s.refold()
		return move.RefoldTarget{Refold: r}, err
	case string(core.CometChat):
		c, err := s.cometchat()
		return move.CometChatTarget{CometChat: c}, err
	case "tenant":
		t, err := s.tenant(ctx, of)
		if err != nil {
			return nil, err
		}
		of.tenant = t.Tenant
		return move.TenantTarget{Tenant: t}, nil
	}
	return &move.FileTarget{Path: s.rest, From: s.fromName, Now: time.Now}, nil
}

package shadow

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
)

// Who answers clients.
const (
	Diglot = "diglot"
	Peer   = "peer"
)

// What becomes of requests that may change something.
const (
	Never  = "never"  // they are not asked a second time
	Mirror = "mirror" // each that succeeded is, once
)

// The kinds of noise that are no differences.
const (
	IDs   = "ids"   // values that each side makes: 24 hex digits, UUIDs
	Times = "times" // moments in the same format
	Order = "order" // of the elements of a list
)

// The defaults of [Config] and [Rule], and their bounds.
const (
	defaultQueue   = 1000
	defaultQueueMB = 64
	defaultWorkers = 4
	defaultLogMB   = 100

	defaultTimeout = 10 * time.Second
	minTimeout     = 10 * time.Millisecond
	maxTimeout     = 55 * time.Second // an answer has to end in the minute that a connection gives it

	maxQueue   = 100_000
	maxQueueMB = 4096
	maxWorkers = 64
	maxLogMB   = 10_000
)

// Config is what `serve --shadow` reads, as YAML or JSON.
type Config struct {
	Shadows []Rule `yaml:"shadows"`
	// Queue is how many requests of a rule wait to be asked a second time, QueueMB
	// how many megabytes those of all rules take.
	Queue   int `yaml:"queue"`
	QueueMB int `yaml:"queue_megabytes"`
	// Workers is how many requests of a rule are asked at once. Where writes are
	// mirrored it is one, so that they keep their order.
	Workers int `yaml:"workers"`
	// AllowNetworks are networks (CIDR) and addresses that peers may have though they
	// are not public.
	AllowNetworks []string `yaml:"allow_networks"`
	// LogMB is how many megabytes the log has before a new one is begun.
	LogMB int `yaml:"log_megabytes"`

	allowed []netip.Prefix
}

// Rule is the shadow of one tenant in one dialect.
type Rule struct {
	Tenant  string           `yaml:"tenant"`
	Dialect core.DialectName `yaml:"dialect"`
	// Peer is the vendor's address, before the path that the client's request has.
	Peer string `yaml:"peer"`
	// InsecureHTTP has the peer be asked over http, if its address says so.
	InsecureHTTP bool `yaml:"insecure_http"`
	// Answers is who answers the client: diglot or peer.
	Answers string `yaml:"answers"`
	// Sample is the share of requests that are asked a second time, above 0 to 1.
	// Writes that are mirrored all are.
	Sample *float64 `yaml:"sample"`
	// Writes is what becomes of all but GET and HEAD: never or mirror.
	Writes string `yaml:"writes"`
	// Timeout is how long the peer may take for an answer.
	Timeout time.Duration `yaml:"timeout"`
	// CredentialFile and CredentialEnv name where the key is that the peer is asked
	// with in place of the client's own, where Diglot answers.
	CredentialFile string `yaml:"credential_file"`
	CredentialEnv  string `yaml:"credential_env"`
	// UnknownCredentials has the peer answer also whom Diglot doesn't know, as who
	// has a session token of the peer's. One rule of a dialect may say so.
	UnknownCredentials bool `yaml:"unknown_credentials"`
	// Ignore are members that may differ, as JSON pointers with * for any segment;
	// all below them is ignored too.
	Ignore []string `yaml:"ignore"`
	// Strict are kinds of noise that are differences all the same.
	Strict []string `yaml:"strict"`
	// Values has the log show what differs, Bodies both bodies. Credentials are
	// hidden. Without either it says of what type and length a value is.
	Values bool `yaml:"values"`
	Bodies bool `yaml:"bodies"`

	base       *url.URL
	credential string
	ignored    [][]string
}

// ReadConfig reads a configuration and what it names.
func ReadConfig(text []byte) (*Config, error) {
	c := &Config{Queue: defaultQueue, QueueMB: defaultQueueMB, Workers: defaultWorkers, LogMB: defaultLogMB}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(c); err != nil && !errors.Is(err, io.EOF) {
		return nil, worded(err)
	}
	if err := d.Decode(&struct{}{}); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is a second document behind ---: all rules are in one")
	}
	if len(c.Shadows) == 0 {
		return nil, errors.New("shadows: there is none")
	}
	for name, n := range map[string]struct{ is, most int }{
		"queue": {c.Queue, maxQueue}, "queue_megabytes": {c.QueueMB, maxQueueMB}, "workers": {c.Workers, maxWorkers}, "log_megabytes": {c.LogMB, maxLogMB},
	} {
		if n.is < 1 || n.is > n.most {
			return nil, fmt.Errorf("%s is %d: it must be 1 to %d", name, n.is, n.most)
		}
	}
	for _, text := range c.AllowNetworks {
		network, err := dialects.ParseNetwork(text)
		if err != nil {
			return nil, fmt.Errorf("allow_networks: %w", err)
		}
		c.allowed = append(c.allowed, network)
	}
	seen, strangers := map[laneKey]bool{}, map[core.DialectName]bool{}
	for i := range c.Shadows {
		r := &c.Shadows[i]
		if err := r.settle(c.allowed); err != nil {
			return nil, fmt.Errorf("shadows, number %d: %w", i+1, err)
		}
		if seen[r.key()] {
			return nil, fmt.Errorf("shadows, number %d: tenant %s has one in the dialect %s already", i+1, r.Tenant, r.Dialect)
		}
		if r.UnknownCredentials && strangers[r.Dialect] {
			return nil, fmt.Errorf("shadows, number %d: another one has the unknown credentials of the dialect %s", i+1, r.Dialect)
		}
		seen[r.key()] = true
		strangers[r.Dialect] = strangers[r.Dialect] || r.UnknownCredentials
	}
	return c, nil
}

// settle takes the defaults, reads what the rule names and refuses what would not
// do what it looks like.
func (r *Rule) settle(allowed []netip.Prefix) error {
	r.Answers, r.Writes, r.Timeout = cmp.Or(r.Answers, Diglot), cmp.Or(r.Writes, Never), cmp.Or(r.Timeout, defaultTimeout)
	if r.Sample == nil {
		r.Sample = new(1.0)
	}
	switch {
	case r.Tenant == "":
		return errors.New("tenant is missing")
	case r.Dialect != core.Refold && r.Dialect != core.CometChat:
		return fmt.Errorf("dialect is %q: it must be refold or cometchat", r.Dialect)
	case r.Answers != Diglot && r.Answers != Peer:
		return fmt.Errorf("answers is %q: it must be diglot or peer", r.Answers)
	case r.Writes != Never && r.Writes != Mirror:
		return fmt.Errorf("writes is %q: it must be never or mirror", r.Writes)
	case !(*r.Sample > 0 && *r.Sample <= 1): // not a number is neither
		return fmt.Errorf("sample is %v: it must be above 0, and 1 at most", *r.Sample)
	case r.Timeout < minTimeout || r.Timeout > maxTimeout:
		return fmt.Errorf("timeout is %s: it must be %s to %s", r.Timeout, minTimeout, maxTimeout)
	case r.UnknownCredentials && r.Answers != Peer:
		return errors.New("unknown_credentials goes with answers: peer")
	case r.Answers == Peer && (r.CredentialFile != "" || r.CredentialEnv != ""):
		return errors.New("a credential goes with answers: diglot; a peer that answers is asked with the client's own, so that it decides what the client may")
	}
	for _, s := range r.Strict {
		if !slices.Contains([]string{IDs, Times, Order}, s) {
			return fmt.Errorf("strict has %q: it takes ids, times and order", s)
		}
	}
	for _, pointer := range r.Ignore {
		if !strings.HasPrefix(pointer, "/") {
			return fmt.Errorf("ignore has %q: a JSON pointer begins with /", pointer)
		}
		r.ignored = append(r.ignored, strings.Split(pointer[1:], "/"))
	}
	if err := r.readCredential(); err != nil {
		return err
	}
	return r.readPeer(allowed)
}

func (r *Rule) readPeer(allowed []netip.Prefix) error {
	base, err := url.Parse(r.Peer)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" ||
		base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return errors.New("peer is no http or https URL of a host, without a user, a query and a fragment") // its text may have a secret
	}
	if base.Scheme == "http" && !r.InsecureHTTP {
		return errors.New("peer would be sent credentials over http: use https, or insecure_http: true where the network is your own")
	}
	if addr, err := netip.ParseAddr(base.Hostname()); err == nil {
		if err := safe(addr, allowed); err != nil {
			return err
		}
	}
	r.base = base
	return nil
}

func (r *Rule) readCredential() error {
	switch {
	case r.CredentialFile != "" && r.CredentialEnv != "":
		return errors.New("credential_file and credential_env are both given")
	case r.CredentialFile != "":
		text, err := os.ReadFile(r.CredentialFile)
		if err != nil {
			if path := (*os.PathError)(nil); errors.As(err, &path) {
				err = path.Err // without the name, which is the key where that was put there
			}
			return fmt.Errorf("credential_file takes the name of a file that the key is in: %w", err)
		}
		return r.takeCredential("credential_file "+r.CredentialFile, string(text))
	case r.CredentialEnv != "":
		from := "the variable of credential_env"
		if variableName.MatchString(r.CredentialEnv) {
			from = "credential_env " + r.CredentialEnv
		}
		return r.takeCredential(from, os.Getenv(r.CredentialEnv))
	}
	return nil
}

// variableName is of variables whose names are no keys.
var variableName = regexp.MustCompile(`^[A-Z]+(?:_[A-Z]+)+$`)

func (r *Rule) takeCredential(from, text string) error {
	r.credential = strings.TrimSpace(text)
	if r.credential == "" || strings.ContainsAny(r.credential, "\r\n") {
		return fmt.Errorf("%s is empty or has several lines", from)
	}
	return nil
}

func (r *Rule) key() laneKey { return laneKey{r.Tenant, r.Dialect} }

func (r *Rule) noise() noise {
	return noise{
		ids: !slices.Contains(r.Strict, IDs), times: !slices.Contains(r.Strict, Times), order: !slices.Contains(r.Strict, Order),
		ignored: r.ignored,
	}
}

var (
	yamlLine  = regexp.MustCompile(`line \d+`)
	yamlField = regexp.MustCompile(`field ([\w-]{1,40}) not found`)
	yamlTwice = regexp.MustCompile(`mapping key "([\w-]{1,40})" already defined`)
)

// worded says of a file that can't be read where, and what is not known. What else
// is in it may be a key, as where one was put in place of the name of its file.
func worded(err error) error {
	where := yamlLine.FindString(err.Error())
	if where == "" {
		where = "the file"
	}
	if strings.Contains(err.Error(), "time.Duration") {
		return fmt.Errorf("%s: timeout takes a time with a unit, as 10s", where)
	}
	if field := yamlField.FindStringSubmatch(err.Error()); field != nil {
		return fmt.Errorf("%s: there is no setting %s", where, field[1])
	}
	if twice := yamlTwice.FindStringSubmatch(err.Error()); twice != nil {
		return fmt.Errorf("%s: %s is there twice", where, twice[1])
	}
	return fmt.Errorf("%s can't be read: it is no YAML or JSON of the settings that there are, or a value is of another kind than its setting takes", where)
}

package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/diglot/diglot/cmd/diglot/admin"
	"github.com/diglot/diglot/cmd/diglot/gateway"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
	"github.com/diglot/diglot/dialects/cometchat"
	"github.com/diglot/diglot/dialects/refold"
)

// Settings that are secrets, or hold one, come from the environment alone: a
// command line can be read by every user of the machine.
const (
	envDatabaseURL = "DIGLOT_DATABASE_URL"
	envPooledURL   = "DIGLOT_POOLED_URL"  // the same database by way of a pooler
	envSecret      = "DIGLOT_SECRET"      // at least 16 bytes
	envSecretFile  = "DIGLOT_SECRET_FILE" // a file that holds it

	// The version of the secret that was before, while the secret is rotated.
	envPreviousSecret     = "DIGLOT_SECRET_PREVIOUS"      //nolint:gosec // the name of a variable
	envPreviousSecretFile = "DIGLOT_SECRET_PREVIOUS_FILE" //nolint:gosec // likewise
	envAdminToken         = "DIGLOT_ADMIN_TOKEN"          //nolint:gosec // at least 32 characters; the name of it is no credential
	envAdminTokenFile     = "DIGLOT_ADMIN_TOKEN_FILE"     //nolint:gosec // name:token, one a line; the name of it is no credential
	envOperatorURL        = "DIGLOT_OPERATOR_URL"         // the same database as an operator's login
)

const (
	addrFlag           = "addr"
	dataDirFlag        = "data-dir"
	cometChatLimitFlag = "cometchat-rate-limit"
	refoldLimitFlag    = "refold-rate-limit"
	undeleteForFlag    = "undelete-for"
	bodyMemoryFlag     = "body-memory"
	answerMemoryFlag   = "answer-memory"
	revisionFlag       = "refold-revision"

	defaultAddr = "127.0.0.1:8080"
)

// common is what every command takes.
type common struct {
	dataDir string
}

func (c *common) flags(f *pflag.FlagSet) {
	f.StringVar(&c.dataDir, dataDirFlag, ".diglot", "folder of the private PostgreSQL cluster that is used without "+envDatabaseURL)
}

// serveConfig is what `diglot serve` takes.
type serveConfig struct {
	*common

	addr         string
	opsAddr      string
	memory       bool
	demo         bool
	logLevel     string
	drainTimeout time.Duration
	rateLimits   gateway.Limits
	base         admin.LimitBase
	lifetimes    refold.Lifetimes
	test         testConfig
	shadow       shadowConfig
	keepImages   time.Duration
	proxies      dialects.Proxies
	revision     core.RefoldRevision // of who isn't known
}

func (c *serveConfig) flags(f *pflag.FlagSet) {
	f.StringVar(&c.addr, addrFlag, defaultAddr, "address that both dialects are served on")
	f.StringVar(&c.opsAddr, "ops-addr", "127.0.0.1:9090", "address that /metrics, /healthz, /readyz and the admin API are served on; off: nowhere")
	f.BoolVar(&c.memory, "memory", false, "keep everything in memory: no PostgreSQL, nothing survives")
	f.BoolVar(&c.demo, "demo", false, "make a tenant \"demo\" and print a curl command for each dialect")
	f.StringVar(&c.logLevel, "log-level", "info", "least level that is logged: debug, info, warn or error")
	c.rateLimits = gateway.DefaultLimits()
	f.IntVar(&c.rateLimits.Refold, refoldLimitFlag, c.rateLimits.Refold, "requests that a Refold org may send to this instance in a minute and environment; 0: any number")
	f.IntVar(&c.rateLimits.CometChat, cometChatLimitFlag, c.rateLimits.CometChat,
		"requests that a CometChat app may send to this instance in a minute; 0: any number, and no header tells of a limit")
	c.base = admin.DefaultLimits
	f.Var(&c.base, limitsFlag, "vendor: where a rate or burst is not given, the figure that the dialect's vendor documents; default: what the flags say")
	f.Var(limit{&c.rateLimits.Others.Burst}, burstFlag, "how many of a minute's requests may come at once, the others evenly behind; 0, or not given: all of them")
	f.Var(limit{&c.rateLimits.Others.Concurrency}, concurrencyFlag, "requests that a tenant may have under way in this instance; 0: any number")
	f.Var(limit{&c.rateLimits.Others.BodyBytes}, maxBodyFlag, fmt.Sprintf("bytes that a request's body may have, %d to %d", core.MinBodyBytes, core.MaxBodyBytes))
	f.IntVar(&c.rateLimits.BodyMemory, bodyMemoryFlag, c.rateLimits.BodyMemory, fmt.Sprintf(
		"bytes of memory that bodies of requests may take in this instance, a quarter of them one tenant's, at least %d", dialects.MinBodyMemory))
	f.IntVar(&c.rateLimits.AnswerMemory, answerMemoryFlag, c.rateLimits.AnswerMemory, fmt.Sprintf(
		"bytes of memory that answers may take in this instance, a quarter of them one tenant's, seven eighths its only answer's, at least %d",
		dialects.MinAnswerMemory))
	f.Var(limit{&c.rateLimits.Others.Servers}, maxServersFlag, "MCP servers that a tenant may have; 0, or not given: any number")
	f.DurationVar(&c.drainTimeout, "drain-timeout", 10*time.Second, "how long requests under way may take to end at a stop")
	f.DurationVar(&c.lifetimes.Token, "token-ttl", refold.DefaultLifetimes.Token, "how long a new Refold session token is good for")
	undeleteFlag(f, &c.keepImages)
	f.Var(networks{&c.proxies.Networks}, "trusted-proxies", "networks (CIDR) and addresses of the proxies in front, commas between, whose "+
		"forwarded header says a client's address in the log; without any, whoever is connected is the client")
	c.proxies.Header = dialects.ForwardedFor
	f.Var(forwardedHeader{&c.proxies.Header}, "forwarded-header", "header that the proxies of --trusted-proxies write: X-Forwarded-For or Forwarded; the other one is never read")
	f.DurationVar(&c.lifetimes.Refresh, "refresh-token-ttl", refold.DefaultLifetimes.Refresh, "how long the refresh token of a Refold session token is good for, no less than --token-ttl")
	f.StringVar((*string)(&c.revision), revisionFlag, string(core.RefoldLegacy),
		"revision that Refold clients are answered in whose tenant isn't known, as for a wrong key: legacy or v3")
	c.shadow.flags(f)
	c.test.flags(f)
	hideDefaults(f, burstFlag, maxServersFlag)
}

// settleLimits takes the vendors' rates where they are asked for and none is given.
func (c *serveConfig) settleLimits(given func(flag string) bool) {
	if c.base != admin.VendorLimits {
		return
	}
	c.rateLimits.Others.Vendor = true
	if !given(refoldLimitFlag) {
		c.rateLimits.Refold = *refold.VendorLimits.Rate
	}
	if !given(cometChatLimitFlag) {
		c.rateLimits.CometChat = *cometchat.VendorLimits.Rate
	}
}

// settleRevision takes the revision of test mode's tenant for who isn't known, where
// none is given for them.
func (c *serveConfig) settleRevision(given func(flag string) bool) {
	if c.test.on && !given(revisionFlag) {
		c.revision = c.test.tenant.Revision
	}
}

// servesOperations: an empty variable counts as none, so that there is a word too.
func (c *serveConfig) servesOperations() bool { return c.opsAddr != "" && c.opsAddr != "off" }

// validate refuses settings that would not do what they look like.
func (c *serveConfig) validate() error {
	if err := checkAddress("--addr", c.addr); err != nil {
		return err
	}
	if c.servesOperations() {
		if err := checkAddress("--ops-addr", c.opsAddr); err != nil {
			return err
		}
	}
	for flag, limit := range map[string]int{refoldLimitFlag: c.rateLimits.Refold, cometChatLimitFlag: c.rateLimits.CometChat} {
		if limit < 0 || limit > core.MaxLimit {
			return fmt.Errorf("--%s is %d: it must be 0 to %d", flag, limit, core.MaxLimit)
		}
	}
	if err := c.rateLimits.Others.Validate(); err != nil {
		return explain(err)
	}
	for flag, given := range map[string]struct{ bytes, least int }{
		bodyMemoryFlag:   {c.rateLimits.BodyMemory, dialects.MinBodyMemory},
		answerMemoryFlag: {c.rateLimits.AnswerMemory, dialects.MinAnswerMemory},
	} {
		if given.bytes < given.least {
			return fmt.Errorf("--%s is %d: it must be at least %d", flag, given.bytes, given.least)
		}
	}
	if !c.revision.Valid() {
		return fmt.Errorf("--%s is %q: it must be legacy or v3", revisionFlag, string(c.revision))
	}
	if c.drainTimeout < 0 {
		return fmt.Errorf("--drain-timeout is %s: it must not be negative", c.drainTimeout)
	}
	if c.keepImages <= 0 {
		return fmt.Errorf("--%s is %s: it must be more than nothing", undeleteForFlag, c.keepImages)
	}
	if err := c.validateLifetimes(); err != nil {
		return err
	}
	if err := c.shadow.validate(c.test.on); err != nil {
		return err
	}
	return c.test.validate(c.memory)
}

func (c *serveConfig) validateLifetimes() error {
	switch l := c.lifetimes; {
	case l.Token < refold.MinTokenLifetime:
		return fmt.Errorf("--token-ttl is %s: it must be at least %s", l.Token, refold.MinTokenLifetime)
	case l.Token%time.Second != 0 || l.Refresh%time.Second != 0:
		return fmt.Errorf("--token-ttl is %s and --refresh-token-ttl %s: they must be whole seconds", l.Token, l.Refresh)
	case l.Refresh < l.Token:
		return fmt.Errorf("--refresh-token-ttl is %s: it must not be less than --token-ttl, %s", l.Refresh, l.Token)
	}
	return nil
}

// checkAddress wants a host and a port: an empty address would be a port of
// chance on every network.
func checkAddress(flag, addr string) error {
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return fmt.Errorf("%s must be host:port: %w", flag, err)
	}
	if _, err := net.ResolveTCPAddr("tcp", addr); err != nil {
		return fmt.Errorf("%s: %w", flag, err)
	}
	return nil
}

// fromEnvironment sets each of serve's flags that was not given from DIGLOT_
// and its name: --ops-addr from DIGLOT_OPS_ADDR. Of the other commands' flags,
// --data-dir, --undelete-for and --addr alone. An empty variable counts as none.
func fromEnvironment(cmd *cobra.Command) error {
	var first error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if cmd.Name() != "serve" && !slices.Contains([]string{dataDirFlag, undeleteForFlag, addrFlag}, f.Name) {
			return
		}
		name := "DIGLOT_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		v := os.Getenv(name)
		if v == "" || f.Changed || first != nil || f.Name == "help" {
			return
		}
		if err := cmd.Flags().Set(f.Name, v); err != nil {
			first = badValue(name, err)
		}
	})
	return first
}

// secretMaterial gives what the environment says the installation's secret is
// made from, and the version before it; nil where it says nothing.
func secretMaterial() (newest, previous []byte, err error) {
	if newest, err = materialOf(envSecret, envSecretFile); err != nil {
		return nil, nil, err
	}
	previous, err = materialOf(envPreviousSecret, envPreviousSecretFile)
	return newest, previous, err
}

// materialOf gives what a file holds that a variable names, else what another
// variable holds.
func materialOf(variable, fileVariable string) ([]byte, error) {
	if path := os.Getenv(fileVariable); path != "" {
		b, err := os.ReadFile(path) //nolint:gosec // the operator names the file
		if err != nil {
			return nil, fmt.Errorf("%s: %w", fileVariable, err)
		}
		return longEnough(fileVariable, bytes.TrimSpace(b))
	}
	if s := os.Getenv(variable); s != "" {
		return longEnough(variable, []byte(s))
	}
	return nil, nil
}

func longEnough(variable string, material []byte) ([]byte, error) {
	if len(material) < core.MinSecretBytes {
		return nil, fmt.Errorf("%s has %d bytes: a secret must have at least %d", variable, len(material), core.MinSecretBytes)
	}
	return material, nil
}

func newLogger(level string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("--log-level is %q: it must be debug, info, warn or error", level)
	}
	return slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: l})), nil
}

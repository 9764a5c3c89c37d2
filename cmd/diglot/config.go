package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Settings that are secrets, or hold one, come from the environment alone: a
// command line can be read by every user of the machine.
const (
	envDatabaseURL = "DIGLOT_DATABASE_URL"
	envSecret      = "DIGLOT_SECRET"      // at least 16 bytes
	envSecretFile  = "DIGLOT_SECRET_FILE" // a file that holds it
)

// common is what every command takes.
type common struct {
	dataDir string
}

func (c *common) flags(f *pflag.FlagSet) {
	f.StringVar(&c.dataDir, "data-dir", ".diglot", "folder of the private PostgreSQL cluster that is used without "+envDatabaseURL)
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
}

func (c *serveConfig) flags(f *pflag.FlagSet) {
	f.StringVar(&c.addr, "addr", "127.0.0.1:8080", "address that both dialects are served on")
	f.StringVar(&c.opsAddr, "ops-addr", "127.0.0.1:9090", "address that /metrics is served on; empty: nowhere")
	f.BoolVar(&c.memory, "memory", false, "keep everything in memory: no PostgreSQL, nothing survives")
	f.BoolVar(&c.demo, "demo", false, "make a tenant \"demo\" and print a curl command for each dialect")
	f.StringVar(&c.logLevel, "log-level", "info", "least level that is logged: debug, info, warn or error")
	f.DurationVar(&c.drainTimeout, "drain-timeout", 10*time.Second, "how long requests under way may take to end at a stop")
}

// fromEnvironment sets each flag that was not given from DIGLOT_ and its name:
// --data-dir from DIGLOT_DATA_DIR.
func fromEnvironment(cmd *cobra.Command) error {
	var first error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		name := "DIGLOT_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		v, ok := os.LookupEnv(name)
		if !ok || f.Changed || first != nil || f.Name == "help" {
			return
		}
		if err := cmd.Flags().Set(f.Name, v); err != nil {
			first = fmt.Errorf("%s: %w", name, err)
		}
	})
	return first
}

// secretMaterial gives what the environment says the installation's secret is
// made from; nil when it says nothing.
func secretMaterial() ([]byte, error) {
	if path := os.Getenv(envSecretFile); path != "" {
		b, err := os.ReadFile(path) //nolint:gosec // the operator names the file
		if err != nil {
			return nil, fmt.Errorf("%s: %w", envSecretFile, err)
		}
		return bytes.TrimSpace(b), nil
	}
	if s := os.Getenv(envSecret); s != "" {
		return []byte(s), nil
	}
	return nil, nil
}

func newLogger(level string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("--log-level: %w", err)
	}
	return slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: l})), nil
}

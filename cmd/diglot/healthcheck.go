package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

// healthcheckConfig is what `diglot healthcheck` takes.
type healthcheckConfig struct {
	addr    string
	ready   bool
	timeout time.Duration
}

// newHealthcheckCommand makes the command that an image's HEALTHCHECK runs: an
// image without a shell has no curl.
func newHealthcheckCommand() *cobra.Command {
	var h healthcheckConfig
	cmd := &cobra.Command{
		Use: "healthcheck", Short: "Ask a running gateway whether it is healthy", Args: cobra.NoArgs,
		Long: "Ask a gateway on this machine for /healthz, or with --ready for /readyz; fail when it doesn't answer 200. " +
			"Where serve has its address from DIGLOT_ADDR, so has this.",
		Example: "  diglot healthcheck\n  diglot healthcheck --ready --addr 127.0.0.1:8080",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkAddress("--"+addrFlag, h.addr); err != nil {
				return err
			}
			return h.ask(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&h.addr, addrFlag, defaultAddr, "address that the gateway serves both dialects on")
	cmd.Flags().BoolVar(&h.ready, "ready", false, "ask whether it can serve requests too, so whether the database answers")
	cmd.Flags().DurationVar(&h.timeout, "timeout", 2500*time.Millisecond, "how long to wait for the answer")
	return cmd
}

// ask gives an error that says why the gateway is not healthy, nil when it is.
func (h *healthcheckConfig) ask(ctx context.Context) error {
	address, err := net.ResolveTCPAddr("tcp", h.addr)
	if err != nil {
		return err
	}
	path := "/healthz"
	if h.ready {
		path = "/readyz"
	}
	url := "http://" + reachable(address) + path
	ctx, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	// Not by way of a proxy that the environment names: it is this machine that is asked.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		return withHint(err, "name the address that the gateway has with --"+addrFlag+" or DIGLOT_ADDR")
	}
	_ = res.Body.Close() // the status says all
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s is answered %s", url, res.Status)
	}
	return nil
}

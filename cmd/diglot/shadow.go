package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/diglot/diglot/cmd/diglot/shadow"
)

const (
	shadowFlag    = "shadow"
	shadowLogFlag = "shadow-log"
	envShadowLog  = "DIGLOT_SHADOW_LOG"
)

// exitDifferent is the exit code of a report in which more differs than may.
const exitDifferent = 3

// shadowConfig is what `diglot serve` takes for a shadow.
type shadowConfig struct {
	file, log string
}

func (c *shadowConfig) flags(f *pflag.FlagSet) {
	f.StringVar(&c.file, shadowFlag, "", "file (YAML or JSON) that says of which tenants' requests a vendor is asked too, and the answers compared; read again at SIGHUP")
	f.StringVar(&c.log, shadowLogFlag, "", "file that what the comparison found is appended to, for diglot shadow report")
}

func (c *shadowConfig) validate(test bool) error {
	switch {
	case c.file == "" && c.log != "":
		return withHint(fmt.Errorf("--%s is given without --%s", shadowLogFlag, shadowFlag), "add --"+shadowFlag+", or leave it out")
	case c.file != "" && test:
		return fmt.Errorf("--%s and --%s are both given", shadowFlag, testModeFlag)
	}
	return nil
}

func (c *shadowConfig) read() (*shadow.Config, error) {
	text, err := os.ReadFile(c.file)
	if err != nil {
		return nil, fmt.Errorf("--%s: %w", shadowFlag, err)
	}
	config, err := shadow.ReadConfig(text)
	if err != nil {
		return nil, fmt.Errorf("--%s %s: %w", shadowFlag, c.file, err)
	}
	return config, nil
}

// shadowing is a shadow that is served; nil: there is none.
type shadowing struct {
	*shadow.Shadow

	log *shadow.LogFile // nil: there is none
}

// open makes the shadow that is asked for.
func (c *shadowConfig) open(logger *slog.Logger, m *metrics) (*shadowing, error) {
	if c.file == "" {
		return nil, nil //nolint:nilnil // which is what none is
	}
	config, err := c.read()
	if err != nil {
		return nil, err
	}
	o := shadow.Options{Config: config, Logger: logger, Now: time.Now}
	s := &shadowing{}
	if c.log != "" {
		if s.log, err = shadow.OpenLog(c.log); err != nil {
			return nil, fmt.Errorf("--%s: %w", shadowLogFlag, err)
		}
		o.Log = s.log
	}
	s.Shadow = shadow.New(o)
	m.registry.MustRegister(s.Collectors()...)
	return s, nil
}

// around gives the handler around the gateway's.
func (s *shadowing) around(h http.Handler) http.Handler {
	if s == nil {
		return h
	}
	return s.Serve(h)
}

// follow reads the file again at each SIGHUP, until ctx ends. One that can't be
// read changes nothing.
func (s *shadowing) follow(ctx context.Context, c *shadowConfig, logger *slog.Logger) {
	if s == nil {
		return
	}
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hup:
			config, err := c.read()
			if err != nil {
				logger.ErrorContext(ctx, "read the shadow's configuration; what was read before goes on", slog.String("error", err.Error()))
				continue
			}
			s.Reload(config)
			logger.InfoContext(ctx, "the shadow's configuration was read again", slog.Int("shadows", len(config.Shadows)))
		}
	}
}

// shadowGrace is how long what waits may take to be asked at a stop, and as long
// again what is asked.
const shadowGrace = 300 * time.Millisecond

// end drops what waits, and closes the log.
func (s *shadowing) end(logger *slog.Logger) {
	if s == nil {
		return
	}
	if abandoned := s.Close(shadowGrace); abandoned > 0 {
		logger.Warn("the shadow ended with requests under way", slog.Int("requests", abandoned))
	}
	if s.log != nil {
		logClose(logger, s.log.Close)
	}
}

func newShadowCommand() *cobra.Command {
	return newGroup("shadow", "Show how a vendor's answers differ from Diglot's", newShadowReportCommand())
}

func newShadowReportCommand() *cobra.Command {
	var (
		out    output
		since  string
		tenant string
		over   float64
	)
	cmd := &cobra.Command{
		Use: "report [FILE]", Short: "Group what the comparison found by operation and member", Args: cobra.MaximumNArgs(1),
		Long: "Group what serve --" + shadowLogFlag + " wrote by operation and member, with the last example of each difference. FILE.1 and those before it " +
			"are read too; - is the standard input. Without FILE it is that of " + envShadowLog + ". With --fail-over the exit code is 3 where more differs " +
			"than that, or nothing was compared.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if !(over >= 0 && over <= 100) { // not a number is neither
				return fmt.Errorf("--fail-over is %v: it must be 0 to 100 per cent", over)
			}
			from, err := moment(since, time.Now())
			if err != nil {
				return fmt.Errorf("--since: %w", err)
			}
			r := shadow.NewReport(from, tenant)
			if err := readShadow(cmd.InOrStdin(), args, r); err != nil {
				return err
			}
			if err := printShadow(cmd.OutOrStdout(), &out, r); err != nil {
				return err
			}
			if !cmd.Flags().Changed("fail-over") {
				return nil
			}
			return failOver(r, over)
		},
	}
	cmd.Flags().StringVar(&since, "since", "", "what was found from this time on: RFC 3339, or how long ago, as 24h")
	cmd.Flags().StringVar(&tenant, "tenant", "", "of this tenant alone; default: of all")
	cmd.Flags().Float64Var(&over, "fail-over", 0, "exit with 3 where more than so many per cent of what was compared differ")
	out.flags(cmd)
	return cmd
}

func failOver(r *shadow.Report, percent float64) error {
	switch {
	case r.Compared == 0:
		return &coded{withHint(errors.New("nothing was compared"), "a report of nothing is no proof: see failed and dropped, and what serve --"+shadowFlag+" has for rules"), exitDifferent}
	case r.Percent > percent:
		return &coded{fmt.Errorf("%.2f%% of what was compared differ, more than %g%%", r.Percent, percent), exitDifferent}
	}
	return nil
}

func readShadow(in io.Reader, args []string, r *shadow.Report) error {
	path := os.Getenv(envShadowLog)
	if len(args) > 0 {
		path = args[0]
	}
	switch path {
	case "":
		return withHint(errors.New("no log is named"), "name the file of serve --"+shadowLogFlag+", or - for the standard input")
	case "-":
		return r.Read(in)
	}
	return shadow.ReadLog(path, r)
}

func printShadow(w io.Writer, out *output, r *shadow.Report) error {
	header := []string{"DIALECT", "OPERATION", "COMPARED", "EQUAL", "FAILED", "KIND", "MEMBER", "COUNT", "DIGLOT", "PEER", "LAST", "REQUEST"}
	var rows [][]string
	for _, o := range r.Operations {
		failed := 0
		for _, n := range o.Failed {
			failed += n
		}
		of := []string{o.Dialect, o.Operation, strconv.Itoa(o.Compared), fmt.Sprintf("%.2f%%", 100-o.Percent), strconv.Itoa(failed)}
		if o.Compared == 0 {
			of[3] = "-"
		}
		if len(o.Members) == 0 {
			rows = append(rows, append(of, "-", "-", "-", "-", "-", "-", "-"))
		}
		for _, m := range o.Members {
			rows = append(rows, append(of[:5:5], m.Kind, cmp.Or(m.Path, "-"), strconv.Itoa(m.Count), cmp.Or(m.Example.Ours, "-"), cmp.Or(m.Example.Theirs, "-"),
				m.Last.UTC().Format(time.RFC3339), cmp.Or(m.Example.RequestID, "-")))
		}
	}
	var text bytes.Buffer
	if err := out.print(&text, r, header, rows...); err != nil {
		return err
	}
	shown := text.Bytes()
	if out.format == "json" {
		shown = shadow.Escaped(shown)
	}
	if _, err := w.Write(shown); err != nil || out.format != "table" {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%d compared, %d equal, %d different (%.2f%%); failed: %s; not asked a second time: %d\n",
		r.Compared, r.Equal, r.Different, r.Percent, reasons(r.Failed), r.Dropped)
	return err
}

// reasons gives the failures by their reason, one line.
func reasons(failed map[string]int) string {
	if len(failed) == 0 {
		return "0"
	}
	list := make([]string, 0, len(failed))
	for reason, n := range failed {
		list = append(list, strconv.Itoa(n)+" "+reason)
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/diglot/diglot/cmd/diglot/move"
	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects/vendorhttp"
)

// settle finds the run's folder, and what a run that is there was made with.
func (m *moveConfig) settle() error {
	if m.dir == "" {
		if m.from == "" || m.to == "" {
			return withHint(errors.New("neither the run nor its two addresses are named"), "give --run, or --from and --to")
		}
		m.dir = "diglot-move-" + fileName(m.from) + "-" + fileName(m.to)
	}
	return nil
}

// fileName makes a part of a folder's name of an address.
func fileName(address string) string {
	return strings.Trim(strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' {
			return c
		}
		return '-'
	}, address), "-.")
}

// read reads a run that is there, also while a move goes on with it, and opens
// neither of its sides.
func (m *moveConfig) read(do func(*move.Run) error) error {
	if err := m.settle(); err != nil {
		return err
	}
	if !move.HasRun(m.dir) {
		return fmt.Errorf("there is no run in %s", m.dir)
	}
	run, err := move.ReadRun(m.dir, m.from, m.to)
	if err != nil {
		return err
	}
	return do(run)
}

// begun reports whether a run has done more than to plan.
func (m *moveConfig) begun() (bool, error) {
	run, err := move.ReadRun(m.dir, m.from, m.to)
	if err != nil {
		return false, err
	}
	return run.Summary().Begun(), nil
}

// with opens a run and both of its sides for a command, and shows its progress.
func (m *moveConfig) with(cmd *cobra.Command, do func(context.Context, *move.Engine) error) (err error) {
	if err := m.settle(); err != nil {
		return err
	}
	var run *move.Run
	defer func() {
		if run != nil {
			err = errors.Join(err, run.Close())
		}
	}()
	if move.HasRun(m.dir) {
		if run, err = move.OpenRun(m.dir, m.from, m.to, time.Now()); err != nil {
			return err
		}
		m.recall(cmd, run)
	} else if m.from == "" || m.to == "" {
		return withHint(fmt.Errorf("there is no run in %s", m.dir), "diglot move apply --from and --to begins one")
	}
	policy := move.Policy(m.onConflict)
	if m.onConflict != "" && !slices.Contains(move.Policies, policy) {
		return fmt.Errorf("--on-conflict is %q: it must be skip, update, rename or fail", m.onConflict)
	}
	if m.workers < 1 || m.rate <= 0 || m.burst < 1 {
		return errors.New("--rate, --burst and --parallel must be above 0")
	}
	sides, err := m.open(cmd.Context())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sides.close()) }()
	if run == nil {
		if run, err = move.OpenRun(m.dir, m.from, m.to, time.Now()); err != nil {
			return err
		}
	}
	if err := run.Set(move.Settings{
		FromAccount: m.fromAccount, ToAccount: m.toAccount, URLTemplate: m.template, Policy: policy, AcceptLoss: m.acceptLoss,
	}); err != nil {
		return err
	}
	p := newProgress(os.Stderr)
	defer p.end()
	return m.explain(cmd, do(sides.context(cmd.Context()), &move.Engine{
		From: sides.from, To: sides.to, Run: run, Tenant: sides.tenant, Now: time.Now,
		Policy: policy, AcceptLoss: m.acceptLoss, Workers: m.workers, Reading: p.reading, Total: p.total, Progress: p.settled,
	}))
}

// explain adds to a move's error what to do about it.
func (m *moveConfig) explain(cmd *cobra.Command, err error) error {
	var there *move.FileThereError
	switch status := vendorhttp.StatusOf(err); {
	case err == nil:
		return nil
	case cmd.Context().Err() != nil:
		return m.stopped(cmd.Name())
	case errors.Is(err, move.ErrConflict):
		return withHint(err, whenTaken+": diglot move resume --run "+m.dir+" --on-conflict skip, for one")
	case errors.As(err, &there):
		return withHint(err, "name another file, or --on-conflict update, which writes it anew")
	case errors.Is(err, move.ErrOwner):
		return withHint(err, "give the run's own, or name another --run")
	case errors.Is(err, move.ErrNoneThere):
		return withHint(err, "give the key of the run's; where they were all removed, diglot move undo --force enters them as undone")
	case errors.Is(err, move.ErrBegun):
		return withHint(err, "--force leaves it, and takes back the others")
	case core.KindOf(err) == core.OverQuota:
		return withHint(err, "diglot tenant update "+strings.TrimPrefix(m.to, "tenant:")+" --max-servers says how many it may have; then diglot move resume --run "+m.dir)
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return withHint(err, "the key is that of "+m.keyOf(err))
	}
	return explain(err)
}

// stopped is a command that was told to end.
func (m *moveConfig) stopped(command string) error {
	err := errors.New("stopped")
	switch command {
	case "apply":
		command = "resume"
	case "plan", "verify":
		return err
	}
	return withHint(err, "diglot move "+command+" --run "+m.dir+" goes on")
}

// keyOf names the variable of the key that a vendor refused.
func (m *moveConfig) keyOf(err error) string {
	name, file := envToKey, envToKeyFile
	if _, is := errors.AsType[*move.SourceError](err); is {
		name, file = envFromKey, envFromKeyFile
	}
	if os.Getenv(file) != "" {
		return file
	}
	return name
}

// recall takes what isn't said anew as the run was begun or last gone on with.
func (m *moveConfig) recall(cmd *cobra.Command, run *move.Run) {
	m.from, m.to = run.From, run.To
	s := run.Settings()
	for flag, was := range map[string]struct {
		value *string
		was   string
	}{
		"from-account": {&m.fromAccount, s.FromAccount},
		"to-account":   {&m.toAccount, s.ToAccount},
		"url-template": {&m.template, s.URLTemplate},
		"on-conflict":  {&m.onConflict, string(s.Policy)},
	} {
		if !cmd.Flags().Changed(flag) && was.was != "" {
			*was.value = was.was
		}
	}
	if !cmd.Flags().Changed("accept-loss") {
		m.acceptLoss = s.AcceptLoss
	}
}

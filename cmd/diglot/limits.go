package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/diglot/diglot/cmd/diglot/admin"
	"github.com/diglot/diglot/core"
)

// limit is a flag's value: a number, or default for none.
type limit struct{ to **int }

// String implements [pflag.Value].
func (l limit) String() string {
	if l.to == nil || *l.to == nil {
		return string(admin.DefaultLimits)
	}
	return strconv.Itoa(**l.to)
}

// Type implements [pflag.Value].
func (l limit) Type() string { return "number" }

// Set implements [pflag.Value].
func (l limit) Set(s string) error {
	if s == string(admin.DefaultLimits) {
		*l.to = nil
		return nil
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		return errors.New("it must be a number or default")
	}
	*l.to = &n
	return nil
}

// The names of the flags that set limits.
const (
	limitsFlag      = "limits"
	rateFlag        = "rate"
	burstFlag       = "burst"
	concurrencyFlag = "concurrency"
	maxBodyFlag     = "max-body"
	maxServersFlag  = "max-servers"
)

// tenantLimits is what `diglot tenant create` and `update` can be given of limits.
type tenantLimits struct {
	base   admin.LimitBase
	limits core.Limits
}

func (l *tenantLimits) flags(f *pflag.FlagSet) {
	l.base = admin.DefaultLimits
	f.Var(&l.base, limitsFlag, "limits that hold where no flag of their own gives them, and takes back what was set before: default (the installation's) or vendor (the figures that the vendors document)")
	f.Var(limit{&l.limits.Rate}, rateFlag, "requests that may be sent to an instance in a minute, in each dialect by itself; 0: any number")
	f.Var(limit{&l.limits.Burst}, burstFlag, "how many of the requests of --rate may come at once, the others evenly behind; 0: all of a minute's")
	f.Var(limit{&l.limits.Concurrency}, concurrencyFlag, "requests that an instance may have under way, in both dialects together; 0: any number")
	f.Var(limit{&l.limits.BodyBytes}, maxBodyFlag, fmt.Sprintf("bytes that a request's body may have, %d to %d", core.MinBodyBytes, core.MaxBodyBytes))
	f.Var(limit{&l.limits.Servers}, maxServersFlag, "MCP servers that there may be; 0: any number")
	hideDefaults(f, rateFlag, burstFlag, concurrencyFlag, maxBodyFlag, maxServersFlag)
}

// hideDefaults has the help say nothing of what flags are when they are not given.
func hideDefaults(f *pflag.FlagSet, names ...string) {
	for _, name := range names {
		f.Lookup(name).DefValue = ""
	}
}

// names are the flags that there are.
func (l *tenantLimits) names() []string {
	return []string{limitsFlag, rateFlag, burstFlag, concurrencyFlag, maxBodyFlag, maxServersFlag}
}

// change gives a tenant's limits with those that were given in their place.
func (l *tenantLimits) change(was core.Limits, given func(flag string) bool) core.Limits {
	if given(limitsFlag) {
		was = core.Limits{Vendor: l.base == admin.VendorLimits}
	}
	for _, m := range []struct {
		flag string
		to   *int
		set  **int
	}{
		{rateFlag, l.limits.Rate, &was.Rate},
		{burstFlag, l.limits.Burst, &was.Burst},
		{concurrencyFlag, l.limits.Concurrency, &was.Concurrency},
		{maxBodyFlag, l.limits.BodyBytes, &was.BodyBytes},
		{maxServersFlag, l.limits.Servers, &was.Servers},
	} {
		if given(m.flag) {
			*m.set = m.to
		}
	}
	return was
}

// limitsCell is what a table shows of limits.
func limitsCell(l admin.Limits) string {
	parts := []string{string(l.Base)}
	for _, m := range []struct {
		name  string
		limit *int
	}{
		{rateFlag, l.Rate}, {burstFlag, l.Burst}, {concurrencyFlag, l.Concurrency}, {maxBodyFlag, l.MaxBody}, {maxServersFlag, l.MaxServers},
	} {
		if m.limit != nil {
			parts = append(parts, fmt.Sprintf("%s=%d", m.name, *m.limit))
		}
	}
	return strings.Join(parts, ",")
}

package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/diglot/diglot/core"
)

// limitBase says whose limits hold for a tenant, or an installation, where it has
// none of its own. It is a flag's value.
type limitBase string

// What limits may be based on.
const (
	defaultLimits limitBase = "default"
	vendorLimits  limitBase = "vendor"
)

// String implements [pflag.Value].
func (b *limitBase) String() string { return string(*b) }

// Type implements [pflag.Value].
func (b *limitBase) Type() string { return "string" }

// Set implements [pflag.Value].
func (b *limitBase) Set(s string) error {
	if s != string(defaultLimits) && s != string(vendorLimits) {
		return errors.New("it must be default or vendor")
	}
	*b = limitBase(s)
	return nil
}

// limit is a flag's value: a number, or default for none.
type limit struct{ to **int }

// String implements [pflag.Value].
func (l limit) String() string {
	if l.to == nil || *l.to == nil {
		return string(defaultLimits)
	}
	return strconv.Itoa(**l.to)
}

// Type implements [pflag.Value].
func (l limit) Type() string { return "number" }

// Set implements [pflag.Value].
func (l limit) Set(s string) error {
	if s == string(defaultLimits) {
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
	base   limitBase
	limits core.Limits
}

func (l *tenantLimits) flags(f *pflag.FlagSet) {
	l.base = defaultLimits
	f.Var(&l.base, limitsFlag, "limits that hold where none below is given, and takes back those of before: default (the installation's) or vendor (the figures that the vendors document)")
	f.Var(limit{&l.limits.Rate}, rateFlag, "requests that may be sent to an instance in a minute, in each dialect by itself; 0: any number")
	f.Var(limit{&l.limits.Burst}, burstFlag, "how many of those may come at once, the others evenly behind; 0: all of a minute's")
	f.Var(limit{&l.limits.Concurrency}, concurrencyFlag, "requests that an instance may have under way, in both dialects together; 0: any number")
	f.Var(limit{&l.limits.BodyBytes}, maxBodyFlag, fmt.Sprintf("bytes that a request's body may have, %d to %d", core.MinBodyBytes, core.MaxBodyBytes))
	f.Var(limit{&l.limits.Servers}, maxServersFlag, "MCP servers that there may be; 0: any number")
}

// names are the flags that there are.
func (l *tenantLimits) names() []string {
	return []string{limitsFlag, rateFlag, burstFlag, concurrencyFlag, maxBodyFlag, maxServersFlag}
}

// change gives a tenant's limits with those that were given in their place.
func (l *tenantLimits) change(was core.Limits, given func(flag string) bool) core.Limits {
	if given(limitsFlag) {
		was = core.Limits{Vendor: l.base == vendorLimits}
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

// limitsOutput is a tenant's limits as `-o json` prints them: those that are not
// there are the base's.
type limitsOutput struct {
	Base        limitBase `json:"base"`
	Rate        *int      `json:"rate,omitempty"`
	Burst       *int      `json:"burst,omitempty"`
	Concurrency *int      `json:"concurrency,omitempty"`
	MaxBody     *int      `json:"max_body,omitempty"`
	MaxServers  *int      `json:"max_servers,omitempty"`
}

func fromLimits(l core.Limits) limitsOutput {
	out := limitsOutput{defaultLimits, l.Rate, l.Burst, l.Concurrency, l.BodyBytes, l.Servers}
	if l.Vendor {
		out.Base = vendorLimits
	}
	return out
}

// cell is what a table shows of it.
func (o limitsOutput) cell() string {
	parts := []string{string(o.Base)}
	for _, m := range []struct {
		name  string
		limit *int
	}{
		{rateFlag, o.Rate}, {burstFlag, o.Burst}, {concurrencyFlag, o.Concurrency}, {maxBodyFlag, o.MaxBody}, {maxServersFlag, o.MaxServers},
	} {
		if m.limit != nil {
			parts = append(parts, fmt.Sprintf("%s=%d", m.name, *m.limit))
		}
	}
	return strings.Join(parts, ",")
}

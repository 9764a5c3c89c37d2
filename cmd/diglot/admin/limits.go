package admin

import (
	"errors"

	"github.com/diglot/diglot/core"
)

// LimitBase says whose limits hold for a tenant, or an installation, where it has
// none of its own. It is a flag's value.
type LimitBase string

// What limits may be based on.
const (
	DefaultLimits LimitBase = "default" // the installation's
	VendorLimits  LimitBase = "vendor"  // the figures that the dialects' vendors document
)

// String implements [github.com/spf13/pflag.Value].
func (b *LimitBase) String() string { return string(*b) }

// Type implements [github.com/spf13/pflag.Value].
func (b *LimitBase) Type() string { return "string" }

// Set implements [github.com/spf13/pflag.Value].
func (b *LimitBase) Set(s string) error {
	if s != string(DefaultLimits) && s != string(VendorLimits) {
		return errors.New("it must be default or vendor")
	}
	*b = LimitBase(s)
	return nil
}

// Limits are a tenant's own; those that are not there are the base's.
type Limits struct {
	Base        LimitBase `json:"base"`
	Rate        *int      `json:"rate,omitempty"`
	Burst       *int      `json:"burst,omitempty"`
	Concurrency *int      `json:"concurrency,omitempty"`
	MaxBody     *int      `json:"max_body,omitempty"`
	MaxServers  *int      `json:"max_servers,omitempty"`
}

// FromLimits gives limits.
func FromLimits(l core.Limits) Limits {
	out := Limits{DefaultLimits, l.Rate, l.Burst, l.Concurrency, l.BodyBytes, l.Servers}
	if l.Vendor {
		out.Base = VendorLimits
	}
	return out
}

// readLimits reads which of the limits that there are change; null takes one
// back. nil: nothing is said of them.
func readLimits(body *object, has core.Limits) *core.Limits {
	o := body.object("limits")
	if o == nil {
		return nil
	}
	if base := o.oneOf("base", string(DefaultLimits), string(VendorLimits)); base != nil {
		has.Vendor = *base == string(VendorLimits)
	}
	for _, m := range []struct {
		name        string
		limit       **int
		least, most int
	}{
		{"rate", &has.Rate, 0, core.MaxLimit},
		{"burst", &has.Burst, 0, core.MaxBurst},
		{"concurrency", &has.Concurrency, 0, core.MaxLimit},
		{"max_body", &has.BodyBytes, core.MinBodyBytes, core.MaxBodyBytes},
		{"max_servers", &has.Servers, 0, core.MaxLimit},
	} {
		if o.isNull(m.name) {
			*m.limit = nil
		} else if n := o.integer(m.name, int64(m.least), int64(m.most)); n != nil {
			*m.limit = new(int(*n))
		}
	}
	return &has
}

// isNull reports whether a member is there and null, and knows it then.
func (o *object) isNull(name string) bool {
	if o.members[name].Kind() != 'n' {
		return false
	}
	o.known = append(o.known, name)
	return true
}

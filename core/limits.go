package core

import "fmt"

// Limits bound what a tenant may ask of one instance, and what it may keep. A
// nil member is no limit of the tenant's own: the installation's holds.
type Limits struct {
	// Vendor: where a member is nil, the figure that the dialect's vendor documents
	// holds before the installation's, if there is one.
	Vendor bool
	// Rate is how many requests it may send in a minute, in each dialect by itself;
	// 0: any number.
	Rate *int
	// Burst is how many requests of its rate may come at once, the others evenly
	// behind them; 0: all of a minute's.
	Burst *int
	// Concurrency is how many of its requests may be under way, in both dialects
	// together; 0: any number.
	Concurrency *int
	// BodyBytes is how large the body of a request may be.
	BodyBytes *int
	// Servers is how many MCP servers it may have; 0: any number.
	Servers *int
}

// The bounds of limits.
const (
	MaxLimit        = 1_000_000_000
	MaxBurst        = 1_000_000
	MinBodyBytes    = 1 << 10
	MaxBodyBytes    = 8 << 20
	DefaultMaxBytes = 1 << 20 // of a body, where nobody says otherwise
)

// Validate reports each limit that is out of its bounds, as an [Invalid] error.
func (l *Limits) Validate() error {
	fields := map[string]string{}
	l.check(fields)
	return invalid("limits", fields)
}

func (l *Limits) check(fields map[string]string) {
	for field, c := range map[string]struct {
		limit       *int
		least, most int
	}{
		"rate": {l.Rate, 0, MaxLimit}, "burst": {l.Burst, 0, MaxBurst}, "concurrency": {l.Concurrency, 0, MaxLimit},
		"max_body": {l.BodyBytes, MinBodyBytes, MaxBodyBytes}, "max_servers": {l.Servers, 0, MaxLimit},
	} {
		if c.limit != nil && (*c.limit < c.least || *c.limit > c.most) {
			fields[field] = fmt.Sprintf("must be %d to %d", c.least, c.most)
		}
	}
}

// Or gives the limits with the others' where they have none.
func (l Limits) Or(others Limits) Limits {
	for _, m := range []struct {
		own   **int
		other *int
	}{
		{&l.Rate, others.Rate},
		{&l.Burst, others.Burst},
		{&l.Concurrency, others.Concurrency},
		{&l.BodyBytes, others.BodyBytes},
		{&l.Servers, others.Servers},
	} {
		if *m.own == nil {
			*m.own = m.other
		}
	}
	return l
}

// Clone gives limits that share nothing with these.
func (l Limits) Clone() Limits {
	for _, m := range []**int{&l.Rate, &l.Burst, &l.Concurrency, &l.BodyBytes, &l.Servers} {
		if *m != nil {
			*m = new(**m)
		}
	}
	return l
}

// WithLimits says how much tenants may keep that have no limit of their own;
// without it, as much as they like. What a tenant may ask is its dialects' to
// count.
func WithLimits(l Limits) Option { return func(s *Service) { s.limits = l } }

// most gives a limit of a tenant's, else the installation's; 0: there is none.
func most(own, installation *int) int {
	switch {
	case own != nil:
		return *own
	case installation != nil:
		return *installation
	default:
		return 0
	}
}

// QuotaReached is why a tenant can't have one more of something.
func QuotaReached(noun string) error {
	return &Error{Kind: OverQuota, Noun: noun, Message: "the tenant has as many as it may"}
}

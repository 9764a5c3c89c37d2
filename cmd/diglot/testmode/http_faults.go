package testmode

import (
	"context"
	"net/http"
	"strconv"
	"strings"
)

func (m *Mode) getFaults(*http.Request, []byte) (any, error) { return m.faults.list(), nil }

func (m *Mode) putFaults(r *http.Request, body []byte) (any, error) {
	var in struct {
		Seed  *uint64 `json:"seed"`
		Rules []Rule  `json:"rules"`
	}
	if err := decode(body, &in); err != nil {
		return nil, err
	}
	seed := uint64(defaultFaultSeed)
	if in.Seed != nil {
		seed = *in.Seed
	}
	if err := m.SetFaults(r.Context(), seed, in.Rules...); err != nil {
		return nil, err
	}
	return m.faults.list(), nil
}

func (m *Mode) postFault(r *http.Request, body []byte) (any, error) {
	var in Rule
	if err := decode(body, &in); err != nil {
		return nil, err
	}
	if err := m.AddFaults(r.Context(), in); err != nil {
		return nil, err
	}
	return m.faults.list(), nil
}

func (m *Mode) deleteFaults(*http.Request, []byte) (any, error) {
	m.faults.reset()
	return nil, nil //nolint:nilnil // 204
}

// SetFaults has these rules hold and no others. What is wrong with one is an error.
func (m *Mode) SetFaults(ctx context.Context, seed uint64, rules ...Rule) error {
	if err := m.checkRules(ctx, "/rules/", rules); err != nil {
		return err
	}
	m.faults.set(seed, rules)
	return nil
}

// AddFaults has rules hold behind those that do.
func (m *Mode) AddFaults(ctx context.Context, rules ...Rule) error {
	if err := m.checkRules(ctx, "", rules); err != nil {
		return err
	}
	m.faults.add(rules...)
	return nil
}

// Faults gives the rules, and how often each was met.
func (m *Mode) Faults() FaultSet { return m.faults.list() }

// defaultPage is how many requests are listed where no limit is given.
const defaultPage = 100

func (m *Mode) listRequests(r *http.Request, _ []byte) (any, error) {
	q, err := query(r, "tenant", "dialect", "method", "path", "operation", "status", "limit")
	if err != nil {
		return nil, err
	}
	f := Filter{Tenant: q.Get("tenant"), Dialect: q.Get("dialect"), Method: q.Get("method"), Path: q.Get("path"), Operation: q.Get("operation")}
	wrong := map[string]string{}
	if checkWords(f.Dialect, f.Method, f.Operation, wrong); len(wrong) > 0 {
		return nil, &problem{http.StatusBadRequest, strings.ReplaceAll(invalid("", wrong).Error(), "/", ""), nil}
	}
	number := func(name string, otherwise int) (int, error) {
		if !q.Has(name) {
			return otherwise, nil
		}
		n, err := strconv.Atoi(q.Get(name))
		if err != nil || n < 0 {
			return 0, &problem{http.StatusBadRequest, name + " must be a number", nil}
		}
		return n, nil
	}
	status, err := number("status", -1)
	if err != nil {
		return nil, err
	}
	if status >= 0 {
		f.Status = &status
	}
	limit, err := number("limit", defaultPage)
	if err != nil {
		return nil, err
	}
	found := m.picked(f)
	return struct {
		Requests []Request `json:"requests"` // the last ones
		Count    int       `json:"count"`    // of all that were found
	}{explained(found[max(0, len(found)-limit):]), len(found)}, nil
}

// Requests gives the requests of the journal that a filter picks, the oldest first.
func (m *Mode) Requests(f Filter) []Request { return explained(m.picked(f)) }

func (m *Mode) picked(f Filter) []Request {
	return m.journal.all(func(e *Request) bool { return len(f.differs(e)) == 0 })
}

// explained has each request say which operation it is most like, which takes longer
// than to find it.
func explained(found []Request) []Request {
	for i := range found {
		found[i].explain()
	}
	return found
}

func (m *Mode) deleteRequests(r *http.Request, _ []byte) (any, error) {
	q, err := query(r, "tenant")
	if err != nil {
		return nil, err
	}
	m.journal.clear(q.Get("tenant"))
	return nil, nil //nolint:nilnil // 204
}

func (m *Mode) postVerify(_ *http.Request, body []byte) (any, error) {
	var in Verification
	if err := decode(body, &in); err != nil {
		return nil, err
	}
	return m.Verify(in)
}

// Verify asks the journal whether such requests came so often. What is wrong with the
// question is an error.
func (m *Mode) Verify(v Verification) (Verified, error) {
	if err := v.check(); err != nil {
		return Verified{}, err
	}
	return m.verify(&v), nil
}

package shadow

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"time"
)

// Report groups what was found by operation and member.
type Report struct {
	Compared  int     `json:"compared"`
	Equal     int     `json:"equal"`
	Different int     `json:"different"`
	Percent   float64 `json:"different_percent"`
	// Failed counts what there was nothing to compare for, by the reason.
	Failed map[string]int `json:"failed,omitempty"`
	// Dropped is how many requests were not asked a second time.
	Dropped int64 `json:"dropped"`
	// Unreadable is how many lines were no records, as one that a kill cut off.
	Unreadable int                `json:"unreadable,omitempty"`
	First      *time.Time         `json:"first,omitempty"`
	Last       *time.Time         `json:"last,omitempty"`
	Operations []*OperationReport `json:"operations"`

	since  time.Time
	tenant string
	groups map[[2]string]*OperationReport
}

// OperationReport is what was found of one operation.
type OperationReport struct {
	Dialect   string         `json:"dialect"`
	Operation string         `json:"operation"`
	Compared  int            `json:"compared"`
	Equal     int            `json:"equal"`
	Different int            `json:"different"`
	Percent   float64        `json:"different_percent"`
	Failed    map[string]int `json:"failed,omitempty"`
	// Members is what differed, the most frequent first.
	Members []*MemberReport `json:"members,omitempty"`

	groups map[[2]string]*MemberReport
}

// MemberReport is one difference of an operation.
type MemberReport struct {
	Kind  string    `json:"kind"`
	Path  string    `json:"path"`
	Count int       `json:"count"`
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
	// Example is the last one.
	Example Example `json:"example"`
}

// Example is one request that differed.
type Example struct {
	Tenant    string `json:"tenant"`
	RequestID string `json:"request_id,omitempty"`
	Path      string `json:"path,omitempty"`
	Ours      string `json:"ours,omitempty"`
	Theirs    string `json:"theirs,omitempty"`
}

// NewReport makes an empty report of what was since a time, zero: ever, and of a
// tenant, "": of all.
func NewReport(since time.Time, tenant string) *Report {
	return &Report{Operations: []*OperationReport{}, Failed: map[string]int{}, since: since, tenant: tenant, groups: map[[2]string]*OperationReport{}}
}

// Read adds the records of a log, a line each.
func (r *Report) Read(log io.Reader) error {
	lines := bufio.NewReader(log)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 1 {
			var one Record
			if json.Unmarshal(line, &one) != nil || one.Operation == "" {
				r.Unreadable++
			} else {
				r.add(&one)
			}
		}
		if errors.Is(err, io.EOF) {
			r.settle()
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *Report) add(one *Record) {
	if one.At.Before(r.since) || r.tenant != "" && r.tenant != one.Tenant {
		return
	}
	r.Dropped += one.Dropped
	if r.First == nil || one.At.Before(*r.First) {
		r.First = &one.At
	}
	if r.Last == nil || one.At.After(*r.Last) {
		r.Last = &one.At
	}
	o := group(r.groups, &r.Operations, [2]string{one.Dialect, one.Operation}, func() *OperationReport {
		return &OperationReport{Dialect: one.Dialect, Operation: one.Operation, Failed: map[string]int{}, groups: map[[2]string]*MemberReport{}}
	})
	if one.Failed != "" {
		r.Failed[one.Failed]++
		o.Failed[one.Failed]++
		return
	}
	r.Compared++
	o.Compared++
	if one.Equal {
		r.Equal++
		o.Equal++
		return
	}
	r.Different++
	o.Different++
	for _, d := range one.Differences {
		key := [2]string{d.Kind, d.Path}
		if d.Kind == Status { // each pair is a trouble of its own: a redirect must not hide a failure
			key[1] += d.Ours + "/" + d.Theirs
		}
		m := group(o.groups, &o.Members, key, func() *MemberReport {
			return &MemberReport{Kind: d.Kind, Path: d.Path, First: one.At}
		})
		m.Count++
		if one.At.Before(m.First) {
			m.First = one.At
		}
		if !one.At.Before(m.Last) {
			m.Last = one.At
			m.Example = Example{Tenant: one.Tenant, RequestID: one.RequestID, Path: one.Path, Ours: d.Ours, Theirs: d.Theirs}
		}
	}
}

// group gives the one that a key is of, made where it is the first.
func group[T any](groups map[[2]string]*T, list *[]*T, key [2]string, first func() *T) *T {
	g := groups[key]
	if g == nil {
		g = first()
		groups[key] = g
		*list = append(*list, g)
	}
	return g
}

// settle sorts what was added.
func (r *Report) settle() {
	r.Percent = percent(r.Different, r.Compared)
	for _, o := range r.Operations {
		o.Percent = percent(o.Different, o.Compared)
		slices.SortFunc(o.Members, func(a, b *MemberReport) int {
			return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Kind, b.Kind))
		})
	}
	slices.SortFunc(r.Operations, func(a, b *OperationReport) int {
		return cmp.Or(cmp.Compare(b.Different, a.Different), cmp.Compare(a.Dialect, b.Dialect), cmp.Compare(a.Operation, b.Operation))
	})
}

func percent(part, of int) float64 {
	if of == 0 {
		return 0
	}
	return float64(part) * 100 / float64(of)
}

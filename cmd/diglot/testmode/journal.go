package testmode

import (
	"cmp"
	"math"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/diglot/diglot/cmd/diglot/redact"
	"github.com/diglot/diglot/core"
)

const (
	// maxRemembered is how many bytes of a body are remembered.
	maxRemembered = 64 << 10
	// journalSize is how many requests are remembered of each tenant, and of nobody's.
	journalSize = 1000
	// journalBytes is how much text is remembered of all requests together: beyond it
	// the oldest are forgotten.
	journalBytes = 32 << 20
	// entryBytes is about what a request takes beside its text.
	entryBytes = 1 << 10
)

// Request is a request as the journal has it. Credentials are not in it.
type Request struct {
	ID        string    `json:"id"` // X-Request-Id
	At        time.Time `json:"at"` // by the gateway's clock
	Tenant    string    `json:"tenant,omitempty"`
	Dialect   string    `json:"dialect"`
	Operation string    `json:"operation"` // none: no route takes it; unserved: the vendor has it
	Method    string    `json:"method"`
	Path      string    `json:"path"`
	Query     string    `json:"query,omitempty"`
	// Headers are joined with ", " where one came several times.
	Headers map[string]string `json:"headers,omitempty"`
	// Body is JSON; a string where it isn't, or is too long and not all there.
	Body   jsontext.Value `json:"body,omitempty"`
	Status int            `json:"status"`          // 0: the connection was ended
	Fault  *int           `json:"fault,omitempty"` // the index of the rule that it met
	// Nearest is there for a request that failed, but not by a fault.
	Nearest *Nearest `json:"nearest,omitempty"`

	number   uint64
	revision core.RefoldRevision
	unread   bool // Body says only why there is none
	long     bool // likewise: it is not known whether it was JSON
}

// fill notes what is in a request, but for credentials.
func (e *Request) fill(r *http.Request, body []byte, more bool) {
	hide := redact.SecretsOf(r.Header)
	e.Path, e.Query = hide.In(r.URL.EscapedPath()), hide.Query(r.URL.RawQuery)
	e.Headers = make(map[string]string, len(r.Header))
	for name, values := range r.Header {
		value := strings.Join(values, ", ")
		if redact.IsHeader(name) {
			value = redact.Mark
		}
		e.Headers[name] = hide.In(value)
	}
	e.Body, e.unread = hide.Body(body, more)
	e.long = more
}

// bytes is about how much memory a request takes.
func (e *Request) bytes() int {
	n := entryBytes + len(e.Path) + len(e.Query) + len(e.Body)
	for name, value := range e.Headers {
		n += len(name) + len(value)
	}
	return n
}

// journal is the last requests of each tenant.
type journal struct {
	mu       sync.Mutex
	number   uint64
	bytes    int
	byTenant map[string][]Request // the oldest first
}

func (j *journal) add(e Request) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.byTenant == nil {
		j.byTenant = map[string][]Request{}
	}
	j.number++
	e.number = j.number
	j.byTenant[e.Tenant] = append(j.byTenant[e.Tenant], e)
	j.bytes += e.bytes()
	if len(j.byTenant[e.Tenant]) > journalSize {
		j.forgetOldest(e.Tenant)
	}
	for j.bytes > journalBytes && len(j.byTenant) > 0 {
		oldest, least := "", uint64(math.MaxUint64)
		for tenant, list := range j.byTenant {
			if list[0].number < least {
				oldest, least = tenant, list[0].number
			}
		}
		j.forgetOldest(oldest)
	}
}

// forgetOldest forgets the oldest request of a tenant that has some.
func (j *journal) forgetOldest(tenant string) {
	list := j.byTenant[tenant]
	j.bytes -= list[0].bytes()
	if list = slices.Delete(list, 0, 1); len(list) == 0 {
		delete(j.byTenant, tenant)
		return
	}
	j.byTenant[tenant] = list
}

// clear forgets a tenant's requests, or all where the name is empty.
func (j *journal) clear(tenant string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if tenant == "" {
		j.byTenant, j.bytes = nil, 0
		return
	}
	for _, e := range j.byTenant[tenant] {
		j.bytes -= e.bytes()
	}
	delete(j.byTenant, tenant)
}

// all gives the requests that match, the oldest first.
func (j *journal) all(matches func(*Request) bool) []Request {
	j.mu.Lock()
	defer j.mu.Unlock()
	found := []Request{}
	for _, list := range j.byTenant {
		for i := range list {
			if matches(&list[i]) {
				found = append(found, list[i])
			}
		}
	}
	slices.SortFunc(found, func(a, b Request) int { return cmp.Compare(a.number, b.number) })
	return found
}

// explain says of a failed request which operation it is most like.
func (e *Request) explain() {
	if e.Fault != nil || e.Status < http.StatusBadRequest {
		return
	}
	var query []string
	values, _ := url.ParseQuery(e.Query) // what can't be read has no names
	for name := range values {
		query = append(query, name)
	}
	slices.Sort(query)
	body := []byte(e.Body)
	switch {
	case e.long:
		body = nil
	case e.unread:
		body = []byte{}
	}
	e.Nearest = nearest([]*document{documentFor(e.Dialect, e.revision)}, asked{
		method: e.Method, path: unescaped(e.Path), query: query, headers: e.Headers, body: body,
		isJSON: func() (bool, bool) {
			media, _, err := mime.ParseMediaType(e.Headers["Content-Type"])
			return err == nil && media == "application/json", true
		},
	})
}

func unescaped(path string) string {
	if text, err := url.PathUnescape(path); err == nil {
		return text
	}
	return path
}

package dialects

import (
	"net/http"
	"strings"
)

// Served is an operation that a route serves, and its name in the log and in
// metrics.
type Served struct {
	Operation

	Name string
}

// Served gives what is served, HEAD left out, in no order.
func (k *Kit) Served() []Served {
	var list []Served
	for _, r := range k.echo.Routes() {
		if r.Method == http.MethodHead {
			continue
		}
		segments := strings.Split(r.Path, "/")
		for i, s := range segments {
			if name, ok := strings.CutPrefix(s, ":"); ok {
				segments[i] = "{" + name + "}"
			}
		}
		list = append(list, Served{Operation{r.Method, strings.Join(segments, "/")}, r.Name})
	}
	return list
}

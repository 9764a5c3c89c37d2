package dialects

import (
	"net/http"
	"regexp"
)

// Served is an operation that a kit serves.
type Served struct {
	Operation, Method string
	Path              string // parameters as {name}
}

// Routes gives what the kit serves, in no order. HEAD, which every GET route
// answers too, is left out.
func (k *Kit) Routes() []Served {
	var all []Served
	for _, r := range k.echo.Routes() {
		if r.Method != http.MethodHead {
			all = append(all, Served{r.Name, r.Method, parameter.ReplaceAllString(r.Path, "{$1}")})
		}
	}
	return all
}

var parameter = regexp.MustCompile(`:(\w+)`)

package dialects

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/diglot/diglot/core"
)

// Interceptor is between who sends a request and what is done with it.
type Interceptor interface {
	// Note is told of each request as soon as it is known who sends it.
	Note(*Call)
	// Meet is asked of each that was let in, before anything else is done with it.
	// What it gives, the request is answered with. It may panic with
	// [http.ErrAbortHandler].
	Meet(*Call) error
}

// Call is a request as an [Interceptor] or a [Relay] is told of it: who sends it
// is known, its body is not read.
type Call struct {
	Request *http.Request
	Dialect string
	// Operation is the route's name; "none" or "unserved" where no route takes the
	// request.
	Operation string
	// Who is whose the credential is; nil: nobody's that is known.
	Who *core.Principal
	// Param gives a parameter of the path, unescaped; "" where there is none.
	Param func(name string) string

	kit *Kit
}

// Failure gives what the dialect answers the operation with that status for, the
// most likely where it has several; nil: no kind of failure has the status.
func (c *Call) Failure(status int) error {
	if c.kit.Failure != nil {
		if err := c.kit.Failure(c, status); err != nil {
			return err
		}
	}
	switch kind, ok := kinds[status]; {
	case !ok:
		return nil
	case kind == core.Internal:
		return errors.New("a failure that was asked for")
	case kind == core.UnsupportedEncoding:
		return errEncoding(encodingOf(c.Request))
	default:
		return &core.Error{Kind: kind, Noun: "request", Message: "a failure that was asked for"}
	}
}

// kinds gives each status the kind of failure that both dialects answer it for.
var kinds = map[int]core.Kind{
	http.StatusBadRequest:            core.Malformed,
	http.StatusUnauthorized:          core.BadCredential,
	http.StatusForbidden:             core.Forbidden,
	http.StatusNotFound:              core.NotFound,
	http.StatusConflict:              core.Conflict,
	http.StatusPreconditionFailed:    core.PreconditionFailed,
	http.StatusRequestEntityTooLarge: core.TooLarge,
	http.StatusUnsupportedMediaType:  core.UnsupportedEncoding,
	http.StatusUnprocessableEntity:   core.KeyReused,
	http.StatusPreconditionRequired:  core.PreconditionRequired,
	http.StatusTooManyRequests:       core.TooMany,
	http.StatusInternalServerError:   core.Internal,
	http.StatusServiceUnavailable:    core.Unavailable,
}

func (k *Kit) call(r *http.Request, s *state, param func(string) string) *Call {
	return &Call{Request: r, Dialect: k.Name, Operation: s.operation, Who: s.who, Param: param, kit: k}
}

// interceptUnrouted is for requests that no route takes.
func (k *Kit) interceptUnrouted(w http.ResponseWriter, r *http.Request) error {
	if k.options.Interceptor == nil {
		return nil
	}
	k.options.Interceptor.Note(k.call(r, callOf(r), noParam))
	return k.intercept(w.Header(), r, callOf(r), noParam, allowance{})
}

// intercept asks whether a request is to fail, and gives the answer the headers
// that it has when it fails so by itself.
func (k *Kit) intercept(h http.Header, r *http.Request, s *state, param func(string) string, a allowance) error {
	err := k.options.Interceptor.Meet(k.call(r, s, param))
	switch core.KindOf(err) { //nolint:exhaustive // the others have no headers of their own
	case core.TooMany:
		now := k.Now()
		q := Quota{Limit: a.rate, Reset: (now.Unix()/secondsAMinute + 1) * secondsAMinute}
		if q.Limit == 0 && k.Vendor.Rate != nil {
			q.Limit = *k.Vendor.Rate
		}
		if k.Tell != nil {
			k.Tell(h, q, true)
		}
		h["Retry-After"] = []string{strconv.FormatInt(q.Reset-now.Unix(), 10)}
	case core.NoCredential, core.BadCredential, core.NoAccount, core.WrongTenant:
		s.who = nil // nobody is known to such an answer, and of nobody's quota it tells
		if k.Tell != nil {
			told := http.Header{}
			k.Tell(told, Quota{}, true)
			for name := range told {
				delete(h, name)
			}
		}
	}
	return err
}

// ForgetRates has each tenant's minute begin anew, and its pace.
func (k *Kit) ForgetRates() { k.admission.pace.clear() }

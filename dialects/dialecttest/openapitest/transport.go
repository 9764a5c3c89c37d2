package openapitest

import (
	"bytes"
	"errors"
	"io"
	"net/http"
)

// Transport checks every answer that a client gets from a dialect; one that
// the documents do not have is an error of the request.
type Transport struct {
	http.RoundTripper

	// Documents gives those that an answer of a status may be held to: it has
	// to fit one. None: the request is of no dialect.
	Documents func(r *http.Request, status int) []*Document
}

// RoundTrip implements [http.RoundTripper].
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	x := Exchange{Method: r.Method, URL: r.URL}
	if r.GetBody != nil {
		if body, err := r.GetBody(); err == nil {
			x.RequestBody, _ = io.ReadAll(body) // it is in memory
		}
	}
	res, err := t.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	documents := t.Documents(r, res.StatusCode)
	if len(documents) == 0 {
		return res, nil
	}
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close() // it was read
	if err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	x.Status, x.Header, x.Body = res.StatusCode, res.Header, body
	var failures error
	for _, d := range documents {
		if _, err := d.Check(x); err != nil {
			failures = errors.Join(failures, err)
			continue
		}
		return res, nil
	}
	return nil, failures
}

// Package client speaks Refold's public REST API as its clients do, against
// the vendor and against Diglot: MCP servers, linked accounts and session
// tokens, in either revision. It is for any program; diglot's own needs no
// sessions, for one.
//
// Records keep the text that came beside what is read of it, so that nothing
// that the vendor sends is lost: unknown members, null and absent, every digit.
// Answers that the vendor was seen to give, or that libraries which it runs give,
// are taken: no body after a deletion, a page in HTML, members too many or too few.
package client

import (
	"context"
	"net/http"

	"github.com/diglot/diglot/dialects"
	"github.com/diglot/diglot/dialects/refold"
	"github.com/diglot/diglot/dialects/vendorhttp"
)

// Credentials say who asks: a key, with the linked account that operations on
// servers want beside it, or a session token or PAT, which replaces both.
// Documented: contract 2.2.
type Credentials struct {
	APIKey        vendorhttp.Secret
	LinkedAccount string
	Token         vendorhttp.Secret
}

func (c Credentials) headers() []vendorhttp.Credential {
	if c.Token != "" {
		return []vendorhttp.Credential{{Header: "Authorization", Prefix: "Bearer ", Secret: c.Token}}
	}
	return []vendorhttp.Credential{{Header: "x-api-key", Secret: c.APIKey}}
}

// Client is a client of one org and environment. It is safe for concurrent use.
type Client struct {
	*vendorhttp.Client

	account http.Header // names the linked account beside a key
}

// New makes a client. Its base is the vendor's address without the operations'
// prefix, such as https://app.refold.ai.
func New(o vendorhttp.Options, who Credentials) (*Client, error) {
	c, err := vendorhttp.New("refold", o, failure, who.headers()...)
	if err != nil {
		return nil, err
	}
	out := &Client{Client: c}
	if who.Token == "" && who.LinkedAccount != "" {
		out.account = http.Header{"linked_account_id": {who.LinkedAccount}}
	}
	return out, nil
}

// failure reads what the vendor's three generations of errors say: the code is
// in error_code, error or error_type, or nowhere. Documented and recorded:
// contract 2.5.
func failure(body []byte) (code, message string) {
	var f struct {
		ErrorCode dialects.String `json:"error_code"`
		Error     dialects.String `json:"error"`
		ErrorType dialects.String `json:"error_type"`
		Message   dialects.String `json:"message"`
	}
	if dialects.Decode(body, &f) != nil {
		return "", ""
	}
	for _, member := range []dialects.String{f.ErrorCode, f.Error, f.ErrorType} {
		if code == "" {
			code = member.Value
		}
	}
	return code, f.Message.Value
}

// request is a request to an operation of the API.
func request(method string, body any, path ...string) vendorhttp.Request {
	return vendorhttp.Request{Method: method, Path: append(vendorhttp.Segments(refold.Prefix), path...), Body: body}
}

// beside names the linked account beside the key, where there is one.
func (c *Client) beside(r vendorhttp.Request) vendorhttp.Request {
	r.Header = c.account
	return r
}

// done sends a request whose answer may be anything: a deletion's is empty, with
// either of two statuses, or a message. Documented: contract 2.4.
func (c *Client) done(ctx context.Context, r vendorhttp.Request) error {
	_, err := c.Do(ctx, r)
	return err
}

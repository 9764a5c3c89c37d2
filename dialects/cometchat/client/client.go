// Package client speaks CometChat's AI Agents REST API as its clients do,
// against the vendor and against Diglot: MCP servers and agents. It is for any
// program; diglot's own needs less of it.
//
// Records keep the text that came beside what is read of it, so that nothing
// that the vendor sends is lost: unknown members, null and absent, every digit.
// Four envelopes of success are documented, some by siblings alone; each answer
// is taken in any of them, and with members too many or too few.
package client

import (
	"context"
	"net/http"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/diglot/diglot/core"
	"github.com/diglot/diglot/dialects"
	"github.com/diglot/diglot/dialects/cometchat"
	"github.com/diglot/diglot/dialects/vendorhttp"
)

// Value is JSON text to send; nil: it is not sent.
type Value = jsontext.Value

// Credentials say who asks. Documented: contract 1.2.
type Credentials struct {
	APIKey vendorhttp.Secret
	// AppID is sent as the header appid, where it isn't empty: for a host that
	// doesn't name the app. The vendor's does.
	AppID string
}

// Client is a client of one app. It is safe for concurrent use.
type Client struct {
	*vendorhttp.Client

	app http.Header
}

// New makes a client. Its base is the app's address, at the vendor
// https://{appId}.api-{region}.cometchat.io. Documented: contract 1.1.
func New(o vendorhttp.Options, who Credentials) (*Client, error) {
	c, err := vendorhttp.New("cometchat", o, failure, vendorhttp.Credential{Header: "apikey", Secret: who.APIKey})
	if err != nil {
		return nil, err
	}
	out := &Client{Client: c}
	if who.AppID != "" {
		out.app = http.Header{"appid": {who.AppID}}
	}
	return out, nil
}

// failure reads the error envelope, of which code and message are common to all
// of the vendor's services. Documented: contract 1.5.
func failure(body []byte) (code, message string) {
	var f struct {
		Error dialects.Object `json:"error"`
	}
	var e struct {
		Code    dialects.String `json:"code"`
		Message dialects.String `json:"message"`
	}
	if dialects.Decode(body, &f) != nil || f.Error.Presence != dialects.Given || dialects.Decode(f.Error.Value, &e) != nil {
		return "", ""
	}
	return e.Code.Value, e.Message.Value
}

func (c *Client) request(method string, body any, path ...string) vendorhttp.Request {
	return vendorhttp.Request{
		Method: method, Path: append(vendorhttp.Segments(cometchat.Prefix), path...), Body: body, Header: c.app,
	}
}

// record reads an answer that is one record: bare, or the member agent or data
// of an object. Documented: contract 1.3.
func record[T any, P vendorhttp.Kept[T]](ctx context.Context, c *Client, r vendorhttp.Request) (*T, error) {
	res, err := c.Do(ctx, r)
	if err != nil {
		return nil, err
	}
	var wrapped struct {
		Agent jsontext.Value  `json:"agent"`
		Data  jsontext.Value  `json:"data"`
		UID   dialects.String `json:"uid"`
		Slug  dialects.String `json:"slug"`
	}
	if err := res.Object(&wrapped); err != nil {
		return nil, err
	}
	if wrapped.UID.Presence == dialects.Absent && wrapped.Slug.Presence == dialects.Absent {
		for _, inner := range []jsontext.Value{wrapped.Agent, wrapped.Data} {
			if len(inner) > 0 && inner[0] == '{' {
				res.Body = core.JSON(inner)
				break
			}
		}
	}
	return vendorhttp.RecordOf[T, P](res)
}

// done sends a request whose answer may be anything.
func (c *Client) done(ctx context.Context, r vendorhttp.Request) error {
	_, err := c.Do(ctx, r)
	return err
}

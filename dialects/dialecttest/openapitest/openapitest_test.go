package openapitest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const things = `openapi: 3.0.3
info: {title: Things, version: "1"}
paths:
  /things/{id}:
    get:
      operationId: get_thing
      parameters: [{name: id, in: path, required: true, schema: {type: string}}]
      responses:
        "200":
          description: It.
          x-source: documented
          x-contract: "1"
          headers:
            X-Count: {required: true, schema: {type: integer}}
          content:
            application/json:
              schema: {$ref: "#/components/schemas/Thing"}
              example: {name: a}
        "404": {description: None., x-source: inferred, x-contract: "1"}
    put:
      operationId: put_thing
      parameters:
        - {name: id, in: path, required: true, schema: {type: string}}
        - {name: force, in: query, schema: {type: boolean}}
        - {name: X-Who, in: header, schema: {type: string}}
      requestBody:
        content:
          application/json:
            schema:
              type: object
              properties:
                name: {type: string}
                parts: {type: array, items: {type: object, properties: {size: {type: integer}}}}
      responses:
        "204": {description: Done., x-source: documented, x-contract: "1"}
components:
  schemas:
    Thing:
      type: object
      additionalProperties: false
      required: [name]
      properties:
        name: {type: string}
        parts:
          type: array
          items:
            oneOf:
              - {type: object, additionalProperties: false, required: [size], properties: {size: {type: integer, nullable: true}}}
              - {type: object, additionalProperties: false, required: [weight], properties: {weight: {type: number}}}
`

func load(t *testing.T) *Document {
	t.Helper()
	d, err := Load("things", []byte(things))
	require.NoError(t, err)
	return d
}

// get is an exchange that is as it should be.
func get(t *testing.T, body string) Exchange {
	t.Helper()
	return Exchange{
		Method: http.MethodGet, URL: at(t, "/things/1?x=y"), Status: http.StatusOK, Body: []byte(body),
		Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}, "X-Count": {"1"}},
	}
}

func at(t *testing.T, target string) *url.URL {
	t.Helper()
	u, err := url.ParseRequestURI(target)
	require.NoError(t, err)
	return u
}

func TestWhatIsDocumentedPasses(t *testing.T) {
	t.Parallel()
	d := load(t)
	for name, x := range map[string]Exchange{
		"a body":             get(t, `{"name":"a","parts":[{"size":null},{"size":1},{"weight":1e400}]}`),
		"a slash at the end": {Method: http.MethodGet, URL: at(t, "/things/1/"), Status: http.StatusNotFound},
		"an escaped slash":   {Method: http.MethodGet, URL: at(t, "/things/1%2F2"), Status: http.StatusNotFound},
		"no body":            {Method: http.MethodPut, URL: at(t, "/things/1"), Status: http.StatusNoContent, RequestBody: []byte("\uFEFF{\"name\":\"a\"}")},
		"HEAD": {
			Method: http.MethodHead, URL: at(t, "/things/1"), Status: http.StatusOK,
			Header: http.Header{"Content-Type": {"application/json"}, "X-Count": {"1"}},
		},
	} {
		c, err := d.Check(x)
		require.NoError(t, err, name)
		require.NotNil(t, c, name)
	}
}

func TestWhatIsNotDocumentedFails(t *testing.T) {
	t.Parallel()
	d := load(t)
	with := func(change func(*Exchange)) Exchange {
		x := get(t, `{"name":"a"}`)
		change(&x)
		return x
	}
	for want, x := range map[string]Exchange{
		`property "other" is unsupported`: get(t, `{"name":"a","other":1}`),
		`property "name" is missing`:      get(t, `{}`),
		"must be a string":                get(t, `{"name":1}`),
		"doesn't match any schema":        get(t, `{"name":"a","parts":[{"size":1,"weight":1}]}`),
		"EOF":                             get(t, ``),
		"the content type":                with(func(x *Exchange) { x.Header.Set("Content-Type", "text/plain") }),
		"the header X-Count is missing":   with(func(x *Exchange) { x.Header.Del("X-Count") }),
		"the header X-Count: ":            with(func(x *Exchange) { x.Header.Set("X-Count", "many") }),
		"the status 418":                  with(func(x *Exchange) { x.Status = http.StatusTeapot }),
		"a body of 12 bytes":              with(func(x *Exchange) { x.Status = http.StatusNotFound }),
		"is answered 200":                 with(func(x *Exchange) { x.URL = at(t, "/nothing") }),
		"the request: /name":              {Method: http.MethodPut, URL: at(t, "/things/1"), Status: http.StatusNoContent, RequestBody: []byte(`{"name":1}`)},
	} {
		_, err := d.Check(x)
		require.ErrorContains(t, err, want)
	}
}

func TestExchangesOfNoOperationAreToldApart(t *testing.T) {
	t.Parallel()
	d := load(t)
	for target, method := range map[string]string{"/nothing": http.MethodGet, "/things/1": http.MethodPatch, "/things//": http.MethodGet} {
		c, err := d.Check(Exchange{Method: method, URL: at(t, target), Status: http.StatusNotFound})
		require.NoError(t, err)
		require.Nil(t, c)
	}
	c, err := d.Check(Exchange{Method: http.MethodOptions, URL: at(t, "/things/1"), Status: http.StatusNoContent})
	require.NoError(t, err)
	require.Nil(t, c)
}

func TestCoverageNamesWhatWasNotSeen(t *testing.T) {
	t.Parallel()
	d := load(t)
	v := NewCoverage(d)
	require.Len(t, NewCoverage(d).MissingMembers(), 5, "a header and four members")
	for _, body := range []string{`{"name":"a"}`, `{"name":"a","parts":[{"size":1}]}`} {
		x := get(t, body)
		c, err := d.Check(x)
		require.NoError(t, err)
		v.See(c, x)
	}
	require.Equal(t, []string{"things get_thing 200 /parts/*/weight"}, v.MissingMembers())
	seen := map[string]int{}
	for _, c := range d.Cases() {
		seen[c.String()] = v.Seen(c)
	}
	require.Equal(t, map[string]int{"things get_thing 200": 2, "things get_thing 404": 0, "things put_thing 204": 0}, seen)
}

func TestWhatNoRequestSendsIsNamed(t *testing.T) {
	t.Parallel()
	d := load(t)
	v, o := NewCoverage(d), d.Operation(http.MethodPut, at(t, "/things/1"))
	missing := []string{
		"things put_thing header X-Who", "things put_thing query force", "things put_thing request /name",
		"things put_thing request /parts", "things put_thing request /parts/*/size",
	}
	require.Equal(t, missing, v.MissingInputs())
	v.SeeRequest(o, Request{Query: url.Values{"Force": {"1"}}, Body: []byte(`{"Name":"a","parts":[{"weight":1}]}`)})
	require.Equal(t, slices.Delete(missing, 3, 4), v.MissingInputs())
	v.SeeRequest(o, Request{Query: url.Values{"force": {""}}, Header: http.Header{"X-Who": {"me"}}})
	v.SeeRequest(o, Request{Body: []byte("\uFEFF{\"name\":\"a\",\"parts\":[{},{\"size\":1}]}")})
	require.Empty(t, v.MissingInputs())
}

func TestWhatIsSentAndNotDeclaredIsNamed(t *testing.T) {
	t.Parallel()
	d := load(t)
	put, get := d.Operation(http.MethodPut, at(t, "/things/1")), d.Operation(http.MethodGet, at(t, "/things/1"))
	for want, r := range map[string]Request{
		"":          {Query: url.Values{"force": {"1"}}, Body: []byte(`{"name":"a","parts":[{"weight":1}]}`)},
		"Force":     {Query: url.Values{"Force": {"1"}}},
		"X-Who id":  {Query: url.Values{"X-Who": {"me"}, "id": {"1"}}},
		"Name size": {Body: []byte(`{"Name":1,"size":1}`)},
	} {
		names, err := put.Undeclared(r)
		require.NoError(t, err)
		require.Equal(t, want, strings.Join(names, " "))
	}
	names, err := get.Undeclared(Request{Body: []byte(`{"name":1}`)})
	require.NoError(t, err)
	require.Equal(t, []string{"name"}, names, "the operation takes no body")
	_, err = get.Undeclared(Request{Body: []byte(`{`)})
	require.NoError(t, err, "nor reads one")
	_, err = put.Undeclared(Request{Body: []byte(`{`)})
	require.Error(t, err)
}

func TestBadDocumentsAreRefused(t *testing.T) {
	t.Parallel()
	for what, change := range map[string][2]string{
		"an example of another type": {"example: {name: a}", "example: {name: 1}"},
		"no source":                  {"x-source: inferred, ", ""},
		"a source of its own":        {"x-source: inferred", "x-source: guessed"},
		"a status that is none":      {`"404"`, "default"},
		"an answer that is open": {
			"Thing:\n      type: object\n      additionalProperties: false", "Thing:\n      type: object\n      additionalProperties: true",
		},
		"an answer that does not say": {"Thing:\n      type: object\n      additionalProperties: false", "Thing:\n      type: object"},
		"one of several that is open": {"{type: object, additionalProperties: false, required: [weight]", "{type: object, required: [weight]"},
		"a member of any type":        {"{weight: {type: number}}", "{weight: {}}"},
		"closed and open":             {"Thing:\n      type: object", "Thing:\n      x-open: why\n      type: object"},
		"open for no reason":          {"{weight: {type: number}}", "{weight: {x-open: ''}}"},
		"no such schema":              {"schemas/Thing\"", "schemas/Nothing\""},
	} {
		text := strings.Replace(things, change[0], change[1], 1)
		require.NotEqual(t, things, text, what)
		_, err := Load("things", []byte(text))
		require.Error(t, err, what)
	}
}

func TestAnObjectOfAnAnswerMayBeMarkedOpen(t *testing.T) {
	t.Parallel()
	for _, value := range []string{
		"{x-open: it is the client's}", "{type: object, x-open: it is the client's}", "{type: object, maxProperties: 0}",
		"{type: object, x-open: names are the client's, additionalProperties: {type: string}}", "{type: array, maxItems: 0, items: {type: object}}",
	} {
		_, err := Load("things", []byte(strings.Replace(things, "{weight: {type: number}}", "{weight: "+value+"}", 1)))
		require.NoError(t, err, value)
	}
}

func TestTheTransportRefusesAnAnswerThatNoDocumentHas(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Count", "1")
		_, _ = io.WriteString(w, `{"name":"`+r.URL.Query().Get("name")+`"`+r.URL.Query().Get("more")+`}`)
	}))
	t.Cleanup(server.Close)
	d := load(t)
	ask := func(documents ...*Document) func(string) (string, error) {
		client := &http.Client{Transport: &Transport{http.DefaultTransport, func(*http.Request, int) []*Document { return documents }}}
		return func(query string) (string, error) {
			res, err := client.Get(server.URL + "/things/1?" + query)
			if err != nil {
				return "", err
			}
			defer func() { _ = res.Body.Close() }()
			body, err := io.ReadAll(res.Body)
			return string(body), err
		}
	}
	body, err := ask(d)("name=a")
	require.NoError(t, err)
	require.JSONEq(t, `{"name":"a"}`, body, "the body is still there to be read")
	_, err = ask(d)("more=," + url.QueryEscape(`"b":1`))
	require.ErrorContains(t, err, `property "b" is unsupported`)
	_, err = ask()("more=," + url.QueryEscape(`"b":1`))
	require.NoError(t, err, "a request of no dialect")
}

func TestEachLineOfJSONLinesIsHeldToTheSchema(t *testing.T) {
	t.Parallel()
	d, err := Load("lines", []byte(`{"openapi":"3.0.3","info":{"title":"lines","version":"1"},"components":{},"paths":{"/lines":{"get":{"operationId":"get_lines",
		"responses":{"200":{"description":"lines","x-source":"inferred","x-contract":"ours","content":{"application/x-ndjson":{"schema":{"type":"object",
		"additionalProperties":false,"properties":{"a":{"type":"integer"},"b":{"type":"integer"}}}}}}}}}}}`))
	require.NoError(t, err)
	v := NewCoverage(d)
	lines := func(body string) error {
		x := Exchange{
			Method: http.MethodGet, URL: at(t, "/lines"), Status: http.StatusOK,
			Header: http.Header{"Content-Type": {"application/x-ndjson"}}, Body: []byte(body),
		}
		c, err := d.Check(x)
		v.See(c, x)
		return err
	}
	require.NoError(t, lines(""))
	require.NoError(t, lines("{\"a\":1}\n"))
	require.Equal(t, []string{"lines get_lines 200 /b"}, v.MissingMembers())
	require.NoError(t, lines("{}\n{\"b\":1}\n"))
	require.Empty(t, v.MissingMembers())
	require.ErrorContains(t, lines("{}\n{\"c\":1}\n"), `property "c" is unsupported`)
	require.ErrorContains(t, lines("{}\n{}"), "the last line has no end")
	require.ErrorContains(t, lines("{}\n\n"), "EOF")
}

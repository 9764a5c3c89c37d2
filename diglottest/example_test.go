package diglottest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/diglot/diglot/diglottest"
)

// example stands for the *testing.T that a test has.
type example struct{ scope }

// Context implements [testing.TB].
func (*example) Context() context.Context { return context.Background() }

// Helper implements [testing.TB].
func (*example) Helper() {}

// Fatalf implements [testing.TB].
func (*example) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// Error implements [testing.TB].
func (*example) Error(args ...any) { fmt.Println(args...) }

var _ testing.TB = (*example)(nil)

// A test of a program that calls a vendor: what it is pointed at is the server.
func ExampleNew() {
	t := &example{} // a test's *testing.T
	defer t.end()

	vendor := diglottest.New(t)

	answer, err := vendor.CometChatClient().Post(vendor.CometChatURL()+"/mcp-servers", "application/json",
		strings.NewReader(`{"name":"Maps","slug":"maps","url":"http://localhost:3001"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = answer.Body.Close() }()
	fmt.Println(answer.Status)
	// Output: 201 Created
}

// The clock stands still and ids repeat: the answer is the same at each run.
func ExampleWithIDSeed() {
	t := &example{}
	defer t.end()

	vendor := diglottest.New(t, diglottest.WithIDSeed(1), diglottest.WithNow(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)))

	answer, err := vendor.RefoldClient().Post(vendor.RefoldURL()+"/mcp-servers", "application/json",
		strings.NewReader(`{"name":"Weather","description":"Weather for cities"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = answer.Body.Close() }()
	body, _ := io.ReadAll(answer.Body)
	fmt.Println(string(body))
	// Output: {"_id":"695735a5c298a39d3d000002","name":"Weather","description":"Weather for cities"}
}

// Two creations fail as the vendor's own would, then they succeed.
func ExampleServer_AddFaults() {
	t := &example{}
	defer t.end()

	vendor := diglottest.New(t)
	vendor.AddFaults(diglottest.Fault{Operation: "create_mcp_server", Status: http.StatusServiceUnavailable, Count: new(2)})

	for range 3 {
		answer, err := vendor.CometChatClient().Post(vendor.CometChatURL()+"/mcp-servers", "application/json",
			strings.NewReader(`{"name":"Maps","slug":"maps","url":"http://localhost:3001"}`))
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(answer.StatusCode)
		_ = answer.Body.Close()
	}
	vendor.Verify(diglottest.Verification{Filter: diglottest.Filter{Operation: "create_mcp_server"}, Times: new(3)})
	// Output:
	// 503
	// 503
	// 201
}

// What a test expects is compared with what came.
func ExampleServer_Verify() {
	t := &example{}
	defer t.end()

	vendor := diglottest.New(t)
	answer, err := vendor.RefoldClient().Get(vendor.RefoldURL() + "/mcp-server")
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = answer.Body.Close()

	vendor.Verify(diglottest.Verification{Filter: diglottest.Filter{Method: http.MethodGet, Path: "/api/v2/public/mcp-servers"}})
	for _, r := range vendor.Requests(diglottest.Filter{Tenant: vendor.Name()}) {
		fmt.Println(r.Path)
	}
	for _, r := range vendor.Requests(diglottest.Filter{Status: new(http.StatusNotFound)}) {
		fmt.Println(r.Nearest.Operation, r.Nearest.Reasons)
	}
	// Output:
	// diglottest: such requests came 0 times, not at least 1
	//   GET /api/v2/public/mcp-server came: the path is "/api/v2/public/mcp-server", not "/api/v2/public/mcp-servers"
	// list_mcp_servers [segment 4 of the path is "mcp-server", the operation's is "mcp-servers"]
}

// A test begins from what all begin from, and goes back to it.
func ExampleServer_Seed() {
	t := &example{}
	defer t.end()

	vendor := diglottest.New(t)
	vendor.Seed(`
tenants:
  - name: test
    cometchat:
      mcp_servers: [{name: Maps, slug: maps, url: "http://localhost:3001"}]
`)
	vendor.Snapshot("seeded")

	r, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, vendor.CometChatURL()+"/mcp-servers/maps", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	client := vendor.CometChatClient()
	for range 2 {
		answer, err := client.Do(r)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(answer.StatusCode)
		_ = answer.Body.Close()
	}
	vendor.Restore("seeded")
	answer, err := client.Do(r)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = answer.Body.Close() }()
	fmt.Println(answer.StatusCode)
	// Output:
	// 200
	// 404
	// 200
}

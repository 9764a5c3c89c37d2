package diglottest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/diglot/diglot/diglottest"
)

func TestAServerIsCreated(t *testing.T) {
	t.Parallel()
	vendor := diglottest.New(t)

	// The client adds the credentials; a program's own takes RefoldKey() and Account().
	answer, err := vendor.RefoldClient().Post(vendor.RefoldURL()+"/mcp-servers", "application/json",
		strings.NewReader(`{"name":"Weather","description":"Weather for cities"}`))
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusCreated {
		t.Error(answer.Status)
	}
}

func TestTheClientTriesAgain(t *testing.T) {
	t.Parallel()
	vendor := diglottest.New(t)
	vendor.AddFaults(diglottest.Fault{Operation: "create_mcp_server", Status: 503, Count: new(2)})

	for range 3 { // here: the program that is tested
		answer, err := vendor.CometChatClient().Post(vendor.CometChatURL()+"/mcp-servers", "application/json",
			strings.NewReader(`{"name":"Maps","slug":"maps","url":"http://localhost:3001"}`))
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
	}

	vendor.Verify(diglottest.Verification{
		Filter: diglottest.Filter{Operation: "create_mcp_server", Body: []byte(`{"slug":"maps"}`)},
		Times:  new(3),
	})
	vendor.Verify(diglottest.Verification{Filter: diglottest.Filter{Status: new(201)}, Times: new(1)})
}

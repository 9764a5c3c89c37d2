//go:build containers

package container_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"strings"

	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/network"

	"github.com/diglot/diglot/diglottest/container"
)

func ExampleRun() {
	ctx := context.Background()

	ctr, err := container.Run(ctx, gatewayImage) // "diglot:latest"
	defer terminate(ctr)
	if err != nil {
		log.Print(err)
		return
	}

	url, err := ctr.RefoldURL(ctx)
	if err != nil {
		log.Print(err)
		return
	}
	status, _, err := ask(ctx, http.MethodPost, url+"/mcp-servers", `{"name":"Weather","description":"Weather for cities"}`,
		"x-api-key", ctr.RefoldKey(), "linked_account_id", ctr.Account())
	fmt.Println(status, err)

	// Output: 201 <nil>
}

func ExampleWithPostgres() {
	ctx := context.Background()

	ctr, err := container.Run(ctx, gatewayImage, container.WithPostgres(postgresImage)) // "postgres:17-alpine"
	defer terminate(ctr)
	if err != nil {
		log.Print(err)
		return
	}

	url, err := ctr.DatabaseURL(ctx)
	fmt.Println(strings.HasPrefix(url, "postgres://diglot:diglot@"), err)

	// Output: true <nil>
}

func ExampleWithDatabaseURL() {
	ctx := context.Background()

	// A PostgreSQL that the test has anyway, by its name on a network of the test's.
	nw, err := network.New(ctx)
	if err != nil {
		log.Print(err)
		return
	}
	defer func() {
		if err := nw.Remove(ctx); err != nil {
			log.Print(err)
		}
	}()
	db, err := testcontainers.Run(ctx, postgresImage, network.WithNetwork([]string{"db"}, nw),
		testcontainers.WithEnv(map[string]string{"POSTGRES_PASSWORD": "secret"}), postgresReady())
	defer terminate(db)
	if err != nil {
		log.Print(err)
		return
	}

	ctr, err := container.Run(ctx, gatewayImage, network.WithNetwork([]string{"diglot"}, nw),
		container.WithDatabaseURL("postgres://postgres:secret@db:5432/postgres?sslmode=disable"))
	defer terminate(ctr)
	if err != nil {
		log.Print(err)
		return
	}
	fmt.Println(ctr.RefoldKey() != "")

	// Output: true
}

func ExampleWithTenants() {
	ctx := context.Background()

	ctr, err := container.Run(ctx, gatewayImage, container.WithTenants("acme", "globex"))
	defer terminate(ctr)
	if err != nil {
		log.Print(err)
		return
	}
	for _, name := range []string{"acme", "globex"} {
		tenant, err := ctr.Tenant(name)
		fmt.Println(tenant.CometChatApp, err)
	}

	// Output:
	// app-acme <nil>
	// app-globex <nil>
}

func ExampleWithKeys() {
	ctx := context.Background()

	ctr, err := container.Run(ctx, gatewayImage, container.WithKeys("tk-for-tests-0123456789", "for-tests-0123456789"))
	defer terminate(ctr)
	if err != nil {
		log.Print(err)
		return
	}
	url, err := ctr.CometChatURL(ctx)
	if err != nil {
		log.Print(err)
		return
	}
	status, _, err := ask(ctx, http.MethodGet, url+"/mcp-servers", "", "apikey", "for-tests-0123456789")
	fmt.Println(status, err)

	// Output: 200 <nil>
}

// In v3 names may repeat.
func ExampleWithRevision() {
	ctx := context.Background()

	ctr, err := container.Run(ctx, gatewayImage, container.WithRevision("v3"))
	defer terminate(ctr)
	if err != nil {
		log.Print(err)
		return
	}
	url, err := ctr.RefoldURL(ctx)
	if err != nil {
		log.Print(err)
		return
	}
	for range 2 {
		status, _, err := ask(ctx, http.MethodPost, url+"/mcp-servers", `{"name":"Weather","description":"Weather for cities"}`,
			"x-api-key", ctr.RefoldKey(), "linked_account_id", ctr.Account())
		fmt.Println(status, err)
	}

	// Output:
	// 201 <nil>
	// 201 <nil>
}

// The next creation fails as the vendor's own would.
func ExampleWithTestMode() {
	ctx := context.Background()

	ctr, err := container.Run(ctx, gatewayImage, container.WithTestMode())
	defer terminate(ctr)
	if err != nil {
		log.Print(err)
		return
	}
	controls, err := ctr.ControlsURL(ctx)
	if err != nil {
		log.Print(err)
		return
	}
	url, err := ctr.CometChatURL(ctx)
	if err != nil {
		log.Print(err)
		return
	}
	status, _, err := ask(ctx, http.MethodPost, controls+"/faults", `{"operation":"create_mcp_server","status":503,"count":1}`)
	fmt.Println(status, err)
	for range 2 {
		status, _, err := ask(ctx, http.MethodPost, url+"/mcp-servers", `{"name":"Maps","slug":"maps","url":"http://localhost:3001"}`,
			"apikey", ctr.CometChatKey())
		fmt.Println(status, err)
	}

	// Output:
	// 200 <nil>
	// 503 <nil>
	// 201 <nil>
}

func ExampleContainer_SessionToken() {
	ctx := context.Background()

	ctr, err := container.Run(ctx, gatewayImage)
	defer terminate(ctr)
	if err != nil {
		log.Print(err)
		return
	}
	url, err := ctr.RefoldURL(ctx)
	if err != nil {
		log.Print(err)
		return
	}
	token, err := ctr.SessionToken(ctx)
	if err != nil {
		log.Print(err)
		return
	}
	status, _, err := ask(ctx, http.MethodGet, url+"/mcp-servers", "", "Authorization", "Bearer "+token)
	fmt.Println(status, err)

	// Output: 200 <nil>
}

// Refold documents 20 requests a second, 5 of them at once.
func ExampleWithVendorLimits() {
	ctx := context.Background()

	ctr, err := container.Run(ctx, gatewayImage, container.WithVendorLimits())
	defer terminate(ctr)
	if err != nil {
		log.Print(err)
		return
	}
	url, err := ctr.RefoldURL(ctx)
	if err != nil {
		log.Print(err)
		return
	}
	for range 100 {
		status, _, err := ask(ctx, http.MethodGet, url+"/mcp-servers", "", "x-api-key", ctr.RefoldKey(), "linked_account_id", ctr.Account())
		if err != nil || status != http.StatusOK {
			fmt.Println(status, err)
			return
		}
	}

	// Output: 429 <nil>
}

// Flags of serve are options of testcontainers.
func ExampleRun_flags() {
	ctx := context.Background()

	ctr, err := container.Run(ctx, gatewayImage,
		testcontainers.WithCmdArgs("--max-servers", "1"),
		testcontainers.WithEnv(map[string]string{"DIGLOT_LOG_LEVEL": "debug"}))
	defer terminate(ctr)
	if err != nil {
		log.Print(err)
		return
	}
	url, err := ctr.CometChatURL(ctx)
	if err != nil {
		log.Print(err)
		return
	}
	for _, slug := range []string{"one", "two"} {
		status, _, err := ask(ctx, http.MethodPost, url+"/mcp-servers", `{"name":"`+slug+`","slug":"`+slug+`","url":"http://localhost:3001"}`,
			"apikey", ctr.CometChatKey())
		fmt.Println(status, err)
	}

	// Output:
	// 201 <nil>
	// 403 <nil>
}

func ExampleContainer_AdminURL() {
	ctx := context.Background()

	ctr, err := container.Run(ctx, gatewayImage)
	defer terminate(ctr)
	if err != nil {
		log.Print(err)
		return
	}
	url, err := ctr.AdminURL(ctx)
	if err != nil {
		log.Print(err)
		return
	}
	token, err := ctr.AdminToken(ctx)
	if err != nil {
		log.Print(err)
		return
	}
	status, _, err := ask(ctx, http.MethodPost, url+"/tenants/test/suspend", "", "Authorization", "Bearer "+token)
	fmt.Println(status, err)

	// Output: 200 <nil>
}

func ExampleContainer_MetricsURL() {
	ctx := context.Background()

	ctr, err := container.Run(ctx, gatewayImage)
	defer terminate(ctr)
	if err != nil {
		log.Print(err)
		return
	}
	url, err := ctr.MetricsURL(ctx)
	if err != nil {
		log.Print(err)
		return
	}
	status, _, err := ask(ctx, http.MethodGet, url, "")
	fmt.Println(status, err)

	// Output: 200 <nil>
}

func terminate(ctr testcontainers.Container) {
	if err := testcontainers.TerminateContainer(ctr); err != nil {
		log.Print(err)
	}
}

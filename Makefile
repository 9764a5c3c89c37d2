SHELL := /bin/sh
GO ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
GOLANGCI_VERSION := v2.12.2
GOLANGCI := bin/golangci-lint-$(GOLANGCI_VERSION)
OAPI_CODEGEN := github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2
FUZZTIME ?= 20s
# The tests' clients and the documents that they are made of.
CLIENTS := dialects/dialecttest/clients
GENERATED := legacyclient:dialects/refold/openapi-legacy v3client:dialects/refold/openapi-v3 cometchatclient:dialects/cometchat/openapi \
  adminclient:cmd/diglot/admin/openapi
# One cache a clone: findings are cached by content, with the path they were first seen at.
export GOLANGCI_LINT_CACHE := $(CURDIR)/bin/lint-cache

.DEFAULT_GOAL := help
.PHONY: help build run test test-short golden contract generate generated fmt vet lint race check bench story fuzz migrate-new clean

help: ## Show this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## Build bin/diglot, a static binary
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o bin/diglot ./cmd/diglot

run: build ## Serve both dialects on a PostgreSQL of its own and print a curl command for each
	@if [ -z "$$DIGLOT_DATABASE_URL" ]; then deploy/ensure.sh postgres; fi
	bin/diglot serve --demo

test: ## Run all tests on a real PostgreSQL
	@deploy/ensure.sh postgres || echo "going on: tests that start a private cluster will fail" >&2
	@deploy/ensure.sh pgbouncer || echo "going on: tests behind PgBouncer will fail" >&2
	$(GO) test -timeout 10m ./...

test-short: ## Run the tests that need no PostgreSQL
	$(GO) test -short ./...

golden: ## Write the dialects' golden answers anew; read the diff
	$(GO) test ./dialects/refold ./dialects/cometchat -update

contract: ## Count the vendors' documented cases that a golden reproduces; fail on a gap
	@out=$$($(GO) test -count=1 -v -run '^(TestContract|TestExamples)$$' ./dialects/refold ./dialects/cometchat 2>&1); failed=$$?; \
	  echo "$$out" | grep -v '^===\|^PASS'; exit $$failed

generate: TO ?= $(CLIENTS)
generate: ## Generate the tests' clients from the OpenAPI documents
	@for c in $(GENERATED); do name=$${c%%:*}; mkdir -p $(TO)/$$name; \
	  $(GO) run $(OAPI_CODEGEN) -config $(CLIENTS)/config.yaml -package $$name -o $(TO)/$$name/client.gen.go $${c#*:}.yaml || exit 1; \
	done

generated: ## Check that the tests' clients are those of the documents
	@to=$$(mktemp -d) && trap 'rm -rf "$$to"' EXIT && $(MAKE) -s generate TO="$$to" && \
	  for c in $(GENERATED); do diff -u $(CLIENTS)/$${c%%:*}/client.gen.go "$$to"/$${c%%:*}/client.gen.go || \
	    { echo "$(CLIENTS)/$${c%%:*} isn't up to date: make generate" >&2; exit 1; }; done

fmt: $(GOLANGCI) ## Format the code
	$(GOLANGCI) fmt ./...

vet: ## Run go vet
	$(GO) vet ./...

lint: $(GOLANGCI) ## Check format, lint and the import fences
	$(GO) mod tidy -diff
	$(GOLANGCI) fmt --diff ./...
	$(GOLANGCI) run ./...

race: ## Run all tests under the race detector
	@deploy/ensure.sh cc
	@deploy/ensure.sh postgres || echo "going on: tests that start a private cluster will fail" >&2
	@deploy/ensure.sh pgbouncer || echo "going on: tests behind PgBouncer will fail" >&2
	CGO_ENABLED=1 $(GO) test -race -timeout 20m ./...

check: vet lint generated race ## Check format, vet, lint, generated code and race

bench: ## Compare both dialects with a bare one-query server
	@deploy/ensure.sh postgres
	$(GO) run ./cmd/diglot-bench

story: STORY ?= 10000
story: ## Move STORY (10000) servers in from both vendors and out to both, killed on the way
	@deploy/ensure.sh postgres
	DIGLOT_STORY=$(STORY) $(GO) test -count=1 -timeout 60m -v -run '^TestAPlatformMovesInFromBothVendorsAndOutToBoth$$' ./cmd/diglot

fuzz: ## Run each fuzz target for FUZZTIME (20s)
	@for p in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz'); do \
	    echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 50x $$p || exit 1; \
	  done; \
	done

migrate-new: ## Start a migration: make migrate-new name=add_noun
	@echo '$(name)' | grep -Eq '^[a-z]+(_[a-z]+)+$$' || { echo "make migrate-new name=verb_noun"; exit 1; }
	@n=$$(ls migrations/*.up.sql | wc -l); n=$$(printf '%06d' $$((n + 1))); \
	  touch migrations/$${n}_$(name).up.sql migrations/$${n}_$(name).down.sql; ls migrations/$${n}_*

clean: ## Remove what was built
	rm -rf bin

$(GOLANGCI):
	@mkdir -p bin
	GOBIN=$(CURDIR)/bin $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	mv bin/golangci-lint $@

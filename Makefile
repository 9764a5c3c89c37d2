SHELL := /bin/sh
GO ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
GOLANGCI_VERSION := v2.12.2
GOLANGCI := bin/golangci-lint-$(GOLANGCI_VERSION)
GOVULNCHECK_VERSION := v1.8.0
GOVULNCHECK := bin/govulncheck-$(GOVULNCHECK_VERSION)
# Where known vulnerabilities are listed: another server, or file:// and a folder with an export.
GOVULNDB ?= https://vuln.go.dev
# VULN=offline lets make check pass where that can't be reached, and says that nothing was scanned.
VULN ?=
OAPI_CODEGEN := github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2
FUZZTIME ?= 20s
SOAKTIME ?= 10m
MODELTEST := -count=1 -v -run '^TestThreeTenantsAreAnsweredAsTheModelSays$$' ./cmd/diglot
# Docker's compose, of its module where docker has none.
COMPOSE_BUILT := $(shell docker compose version >/dev/null 2>&1 || echo bin/docker-compose)
COMPOSE ?= $(if $(COMPOSE_BUILT),$(CURDIR)/$(COMPOSE_BUILT),docker compose)
LDFLAGS := -s -w -X main.version=$(VERSION)
# The image, for each of these; the tag without one is this machine's.
IMAGE ?= diglot
ARCHES := amd64 arm64
IMAGE_MAX_BYTES := 25000000
# BuildKit, by docker's buildx where that is installed, else by Debian's command, which asks the engine for it.
DOCKER ?= $(shell docker buildx version >/dev/null 2>&1 || [ ! -x /usr/bin/docker ] && echo docker || echo /usr/bin/docker)
# The tests' clients and the documents that they are made of.
CLIENTS := dialects/dialecttest/clients
GENERATED := legacyclient:dialects/refold/openapi-legacy v3client:dialects/refold/openapi-v3 cometchatclient:dialects/cometchat/openapi \
  adminclient:cmd/diglot/admin/openapi
# One cache a clone: findings are cached by content, with the path they were first seen at.
export GOLANGCI_LINT_CACHE := $(CURDIR)/bin/lint-cache

.DEFAULT_GOAL := help
.PHONY: help build docker-engine image run test container-test test-short golden contract generate generated fmt vet lint vuln compose-check chart-check race model soak check bench story fuzz migrate-new clean

help: ## Show this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## Build bin/diglot, a static binary
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "$(LDFLAGS)" -o bin/diglot ./cmd/diglot

docker-engine:
	@deploy/ensure.sh docker

image: docker-engine ## Build the image diglot:latest, and one for each architecture
	@mkdir -p bin/image && cp LICENSE bin/image
	@for arch in $(ARCHES); do \
	  CGO_ENABLED=0 GOOS=linux GOARCH=$$arch $(GO) build -trimpath -ldflags "$(LDFLAGS)" -o bin/image/$$arch/diglot ./cmd/diglot && \
	  DOCKER_BUILDKIT=1 $(DOCKER) build -q --platform linux/$$arch -f deploy/Dockerfile -t $(IMAGE):latest-$$arch -t $(IMAGE):$(VERSION)-$$arch \
	    --build-arg VERSION=$(VERSION) --build-arg REVISION=$$(git rev-parse HEAD) --build-arg CREATED=$$(git log -1 --format=%cI) bin/image >/dev/null && \
	  size=$$($(DOCKER) image inspect -f '{{.Size}}' $(IMAGE):latest-$$arch) && echo "$(IMAGE):latest-$$arch: $$size bytes" && \
	  { [ $$size -lt $(IMAGE_MAX_BYTES) ] || { echo "more than $(IMAGE_MAX_BYTES)" >&2; exit 1; }; } || exit 1; \
	done
	@$(DOCKER) tag $(IMAGE):latest-$$($(GO) env GOARCH) $(IMAGE):latest && $(DOCKER) tag $(IMAGE):latest $(IMAGE):$(VERSION)

run: build ## Serve both dialects on a PostgreSQL of its own and print a curl command for each
	@if [ -z "$$DIGLOT_DATABASE_URL" ]; then deploy/ensure.sh postgres; fi
	bin/diglot serve --demo

test: ## Run all tests on a real PostgreSQL
	@deploy/ensure.sh postgres || echo "going on: tests that start a private cluster will fail" >&2
	@deploy/ensure.sh pgbouncer || echo "going on: tests behind PgBouncer will fail" >&2
	$(GO) test -timeout 20m ./...

container-test: image $(COMPOSE_BUILT) ## Run the tests of the image, from Go and Node, which need a Docker engine
	DIGLOT_TEST_COMPOSE="$(COMPOSE)" $(GO) test -tags containers -count=1 -timeout 15m -skip '^TestFigures$$' ./diglottest/container ./deploy/deploytest
	@out=$$($(GO) test -tags containers -count=1 -v -run '^TestFigures$$' ./diglottest/container 2>&1) || { echo "$$out"; exit 1; }; echo "$$out" | grep '^figures'
	@deploy/ensure.sh node
	cd deploy/examples/node && npm ci --ignore-scripts --no-audit --no-fund && npm test

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
	$(GO) vet -tags containers ./...

lint: $(GOLANGCI) ## Check format, lint and the import fences
	$(GO) mod tidy -diff
	$(GOLANGCI) fmt --diff ./...
	$(GOLANGCI) run ./...

vuln: $(GOVULNCHECK) ## Look for known vulnerabilities in what the code calls; GOVULNDB names the list
	@out=$$($(GOVULNCHECK) -db "$(GOVULNDB)" ./... 2>&1); failed=$$?; echo "$$out"; \
	  case "$$failed:$$out" in \
	  0:*) ;; \
	  1:*"fetching vulnerabilities"*) echo "vuln: NOTHING WAS SCANNED: $(GOVULNDB) can't be reached, or lacks what it lists" >&2; \
	    [ "$(VULN)" = offline ] || { echo "vuln: name another list in GOVULNDB, or say VULN=offline to go on without" >&2; exit 1; } ;; \
	  *) exit $$failed ;; \
	  esac

race: ## Run all tests under the race detector
	@deploy/ensure.sh cc
	@deploy/ensure.sh postgres || echo "going on: tests that start a private cluster will fail" >&2
	@deploy/ensure.sh pgbouncer || echo "going on: tests behind PgBouncer will fail" >&2
	CGO_ENABLED=1 $(GO) test -race -timeout 60m ./...

model: ## Take 10,000 steps of the model of three tenants on each store
	@deploy/ensure.sh postgres
	DIGLOT_MODEL_STEPS=10000 $(GO) test -timeout 20m $(MODELTEST)

soak: ## Go on with the model of three tenants for SOAKTIME (10m)
	@deploy/ensure.sh postgres
	DIGLOT_MODEL_TIME=$(SOAKTIME) $(GO) test -timeout 0 $(MODELTEST)

compose-check: $(COMPOSE_BUILT) ## Check the compose files
	@for f in deploy/compose.yaml deploy/examples/compose.test.yaml; do $(COMPOSE) -f $$f --profile '*' config -q || exit 1; done

chart-check: ## Lint and render the Helm chart, and hold it to Kubernetes
	$(GO) -C deploy/kubernetes/charttest vet ./...
	$(GO) -C deploy/kubernetes/charttest test ./...

check: vet lint generated vuln compose-check chart-check race model ## Check format, vet, lint, generated code, known vulnerabilities, what is deployed, race and the model of three tenants

bench: ## Compare both dialects with a bare one-query server
	@deploy/ensure.sh postgres
	$(GO) run ./cmd/diglot-bench

story: STORY ?= 10000
story: STORY_RATE ?= 20
story: ## Move STORY (10000) servers in from both vendors and out to both, killed on the way, at STORY_RATE (20) requests a second
	@deploy/ensure.sh postgres
	DIGLOT_STORY=$(STORY) DIGLOT_STORY_RATE=$(STORY_RATE) $(GO) test -count=1 -timeout 180m -v -run '^TestAPlatformMovesInFromBothVendorsAndOutToBoth$$' ./cmd/diglot

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

bin/docker-compose: deploy/ci/compose/go.mod
	@mkdir -p bin
	$(GO) build -C deploy/ci/compose -o $(CURDIR)/$@ github.com/docker/compose/v2/cmd

$(GOLANGCI):
	@mkdir -p bin
	GOBIN=$(CURDIR)/bin $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	mv bin/golangci-lint $@

$(GOVULNCHECK):
	@mkdir -p bin
	GOBIN=$(CURDIR)/bin $(GO) install golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK_VERSION)
	mv bin/govulncheck $@

# `make` lists the targets and what they do.

GO ?= go

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

.PHONY: build
build: ## Build the static binary ./punctual
	CGO_ENABLED=0 $(GO) build -trimpath -o punctual .

.PHONY: test
test: tools lint ## Run all checks and tests; installs what the tests need, where possible
	$(GO) test -race -timeout 20m . ./internal/...
	$(GO) test -race -timeout 20m -p 1 ./test/...

.PHONY: tools
tools: ## Install the programs that the tests need, or say which are missing
	@sh .ci/tools

.PHONY: lint
lint: ## Run gofmt, go vet and staticcheck
	@test -z "$$(gofmt -l .)" || { gofmt -d .; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

.PHONY: zoneinfo
zoneinfo: ## Update the built-in time zone data to the newest release available (Debian's tzdata)
	@GO="$(GO)" sh .ci/zoneinfo

FUZZTIME ?= 1m

.PHONY: fuzz
fuzz: ## Run every fuzz test for FUZZTIME (default 1m)
	@$(GO) list -f '{{.Dir}}' ./... | while read -r dir; do \
		grep -ho '^func Fuzz[A-Za-z0-9_]*' "$$dir"/*_test.go 2>/dev/null | sed 's/^func //' | while read -r name; do \
			echo "$$name in $$dir"; \
			(cd "$$dir" && $(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) .) || exit 1; \
		done || exit 1; \
	done

.PHONY: soak
soak: ## Run the kill tests and the schedule comparison until interrupted, for at most 25 h
	$(GO) test ./internal/cron -run TestNextOracle -timeout 60m -oracle.cases 40000000
	PUNCTUAL_CHAOS_ROUNDS=0 $(GO) test ./test/chaos -run . -timeout 24h -v

.PHONY: bench
bench: ## Measure the binary under a burst of jobs: make bench ARGS='-jobs 50000 -every 30s'; -help lists the options
	$(GO) run ./test/bench $(ARGS)

.PHONY: gobench
gobench: ## Run the Go benchmarks
	$(GO) test -run '^$$' -bench . -benchmem ./...

# Every target says what it does; `make` lists them.

GO ?= go

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

.PHONY: build
build: ## Build the static binary ./punctual
	CGO_ENABLED=0 $(GO) build -trimpath -o punctual .

.PHONY: test
test: tools lint ## Install what the tests need where that is possible, and run them all
	$(GO) test -race -timeout 20m . ./internal/...
	$(GO) test -race -timeout 20m -p 1 ./test/...

.PHONY: tools
tools: ## Install what the tests need and the machine lacks, or say what is missing
	@sh .ci/tools

.PHONY: lint
lint: ## gofmt, go vet and staticcheck
	@test -z "$$(gofmt -l .)" || { gofmt -d .; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

.PHONY: zoneinfo
zoneinfo: ## Bring the built-in time zone data up to the newest release that can be had (Debian's tzdata)
	@GO="$(GO)" sh .ci/zoneinfo

FUZZTIME ?= 1m

.PHONY: fuzz
fuzz: ## Run every fuzz test for FUZZTIME (1m)
	@$(GO) list -f '{{.Dir}}' ./... | while read -r dir; do \
		grep -ho '^func Fuzz[A-Za-z0-9_]*' "$$dir"/*_test.go 2>/dev/null | sed 's/^func //' | while read -r name; do \
			echo "$$name in $$dir"; \
			(cd "$$dir" && $(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) .) || exit 1; \
		done || exit 1; \
	done

.PHONY: soak
soak: ## Kill rounds and schedule cases without end (PUNCTUAL_CHAOS_ROUNDS=0) until interrupted or 24 h have passed
	$(GO) test ./internal/cron -run TestNextOracle -timeout 60m -oracle.cases 40000000
	PUNCTUAL_CHAOS_ROUNDS=0 $(GO) test ./test/chaos -run . -timeout 24h -v

.PHONY: bench
bench: ## Run a herd of jobs against the binary: make bench ARGS='-jobs 50000 -every 30s'; -help lists the options
	$(GO) run ./test/bench $(ARGS)

.PHONY: gobench
gobench: ## Run the Go benchmarks
	$(GO) test -run '^$$' -bench . -benchmem ./...

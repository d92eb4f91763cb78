# `make` lists the targets and what they do.

GO ?= go

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

# One way to compile for the binary, the linters and the tests, so that each package is compiled once; the race detector
# needs another one, with cgo.
export CGO_ENABLED = 0
export GOFLAGS := $(shell $(GO) env GOFLAGS) -trimpath
WITH_RACE = CGO_ENABLED=1 $(GO) test -race -vet=off

.PHONY: build
build: ## Build the static binary ./punctual
	$(GO) build -o punctual .

# The tests of all packages share one PostgreSQL server. Those of the whole binary come first, as they mostly wait.
.PHONY: test
test: tools lint ## Run all checks and tests; installs what the tests need, where possible
	$(GO) run ./test/postgres $(MAKE) --no-print-directory tests

# go vet is a part of lint, so no test runs it again.
#
# The race detector makes tests up to ten times as slow, so here it looks only where goroutines of ours meet: whole
# packages that are made of them, and of store, service and API the tests that have more than one. `make race` has all.
RACY_STORE = ^Test(Writer.*|FairQueue|Gate|One.*|Postgres(Connections|Signals|ManyNodesAtOnce)|SQLite(OtherProcess|Backup)|Abandoned.*|SQLite|Postgres)$$/^(races|nodes|events|idempotent calls|test runs|SQLite|PostgreSQL)$$
RACY_SERVICE = Event|Follow|LateResults|Positions|SameTime|Background|TwoOperators|AcrossNodes|InProgress|CodesAreLimited
RACY_API = Event|TestRun|Stream|SlowClients|Parallel|OneEditor|OverTheWire|Export|TakeEffectOnce

# What makes thousands of calls one after another gains nothing from the race detector.
SERIAL = ^(TestWalk|TestCommandsOf.*)$$

.PHONY: tests
tests:
	PUNCTUAL_TEST_BROWSER=short $(GO) test -vet=off -count=1 -timeout 20m ./test/... . ./internal/...
	$(WITH_RACE) -count=1 -timeout 20m -skip '$(SERIAL)' $(addprefix ./internal/,scheduler fetch auth app)
	$(WITH_RACE) -count=1 -timeout 20m ./internal/service -run '$(RACY_SERVICE)'
	$(WITH_RACE) -count=1 -timeout 20m ./internal/store -run '$(RACY_STORE)'
	$(WITH_RACE) -count=1 -timeout 20m ./internal/api -run '$(RACY_API)'

.PHONY: test-web
test-web: tools ## Test all flows of the console in Chromium; make test has a short walk only
	$(GO) run ./test/postgres $(GO) test -vet=off -count=1 -timeout 20m ./test/browser

SCREENSHOTS ?= screenshots

.PHONY: screenshots
screenshots: tools ## Take pictures of every screen of the console, with sample data, into SCREENSHOTS (default screenshots)
	PUNCTUAL_TEST_SCREENSHOTS=$(abspath $(SCREENSHOTS)) $(GO) test -count=1 -timeout 20m ./test/browser -run '^TestScreenshots$$'

.PHONY: race
race: tools ## Run all tests with the race detector, in the binary too; takes several times as long as test
	$(GO) run ./test/postgres env CGO_ENABLED=1 PUNCTUAL_TEST_RACE=true \
		$(GO) test -race -vet=off -count=1 -timeout 60m ./test/... . ./internal/...

.PHONY: tools
tools: ## Install the programs that the tests need, or say which are missing
	@sh .ci/tools

.PHONY: lint
lint: ## Run gofmt, go vet and staticcheck
	@test -z "$$(gofmt -l .)" || { gofmt -d .; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

.PHONY: chart
chart: ## Check the Helm chart with helm lint and render it; compiles helm first
	GOFLAGS= $(GO) run helm.sh/helm/v3/cmd/helm@v3.22.0 lint --strict --kube-version 1.30 deploy/helm/punctual
	GOFLAGS= $(GO) run helm.sh/helm/v3/cmd/helm@v3.22.0 template cron deploy/helm/punctual --kube-version 1.30 \
		--set-string image.tag=1 --set api.replicas=2,worker.replicas=2,ingress.enabled=true,ingress.tlsSecret=cron >/dev/null

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
soak: ## Run the fault tests and the schedule comparison until interrupted, for at most 25 h
	$(GO) test ./internal/cron -run TestNextOracle -timeout 60m -oracle.cases 40000000
	PUNCTUAL_CHAOS_ROUNDS=0 $(GO) test ./test/chaos -run . -timeout 24h -v

.PHONY: bench
bench: ## Measure the binary under a burst of jobs: make bench ARGS='-jobs 50000 -every 30s'; -help lists the options
	$(GO) run ./test/bench $(ARGS)

.PHONY: herd
herd: tools ## Have 10,000 jobs fail at once on each database, and print what was told and how late other jobs were
	$(GO) run ./test/postgres env PUNCTUAL_TEST_HERD=10000 $(GO) test -count=1 -timeout 30m -v ./test/e2e -run '^TestHerdFails$$/^sqlite$$'
	$(GO) run ./test/postgres env PUNCTUAL_TEST_HERD=10000 $(GO) test -count=1 -timeout 30m -v ./test/e2e -run '^TestHerdFails$$/^postgres$$'

.PHONY: gobench
gobench: ## Run the Go benchmarks
	$(GO) test -run '^$$' -bench . -benchmem ./...

# Wharf. `make help` lists the targets.
SHELL := /bin/sh
.DEFAULT_GOAL := help

# Tools, pinned; the module cache keeps them built.
GOLANGCI_LINT := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
LOCAL         := go run ./deploy/local

CORPUS ?= ../shared/corpus
ROWS   ?= 1000000
ROUNDS ?= 3

# The race detector needs a C compiler.
RACE := $(shell command -v $${CC:-cc} >/dev/null 2>&1 && echo -race)

.PHONY: help demo up down seed run test test/race test/env test/corpus test/interop bench fuzz lint generate build

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z\/]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: up ## start everything and run the main job before your eyes
	@. .wharf/env && go run ./deploy/demo

up: ## start Postgres, S3, api and worker in the background, and write .wharf/env
	@$(LOCAL) up

run: up ## the same as up

down: ## stop them; CLEAN=1 also forgets the data
	@$(LOCAL) down $(if $(CLEAN),--clean)

seed: up ## fill a further tenant with sample rows: make seed ROWS=1000000 contacts and what belongs to them
	@. .wharf/env && $(LOCAL) seed --rows $(ROWS)

build: ## build both binaries into .wharf/bin
	go build -buildvcs=false -o .wharf/bin/ ./cmd/...

test: ## run the tests; starts the services they need
	@vars=$$($(LOCAL) env --test) && eval "$$vars" && go test $(RACE) -timeout 20m ./...
	@cd deploy/dev && go test ./...

test/race: test ## the same as test: the race detector is on wherever a C compiler is

test/env: ## start the tests' services and print their environment, for: eval "$(make --silent test/env)"
	@$(LOCAL) env --test

test/corpus: ## run against a folder of real files: make test/corpus CORPUS=../shared/corpus
	@vars=$$($(LOCAL) env --test) && eval "$$vars" && CORPUS=$$(cd $(CORPUS) && pwd) go test -tags corpus -timeout 20m -run Corpus ./...

test/interop: ## run against other programs, which it installs by package name
	@deploy/interop/install
	@vars=$$($(LOCAL) env --test) && eval "$$vars" && go test -tags interop -timeout 20m -run Interop ./...

bench: up ## measure, each figure beside its baseline: make bench ROWS=1000000 ROUNDS=3 [ONLY=imports,crowd] [MEMORY=10000000]
	@. .wharf/env && go run ./deploy/bench --rows $(ROWS) --rounds $(ROUNDS) $(if $(MEMORY),--memory $(MEMORY)) $(if $(ONLY),--only $(ONLY))

FUZZTIME ?= 20s
fuzz: ## fuzz every target for FUZZTIME
	@for target in $$(grep -rEho '^func (Fuzz[A-Za-z0-9]+)' --include='*_test.go' internal | awk '{print $$2}' | sort -u); do \
		pkg=$$(grep -rl "func $$target(" --include='*_test.go' internal | head -n 1 | xargs dirname); \
		echo "$$pkg $$target"; go test ./$$pkg -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) || exit 1; \
	done

lint: ## check the house rules: floors, style, errors
	@$(GOLANGCI_LINT) run ./...

generate: ## generate code from internal/httpapi/openapi.yaml
	go generate ./...

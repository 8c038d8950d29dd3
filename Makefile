# `make` alone lists the commands. Each installs what it needs first (tools/install).
.DEFAULT_GOAL := help
PRESET ?= debug
JOBS ?= $(shell nproc)
# What `make build` makes: the programs. Tests and benchmarks want `all`.
TARGETS ?= cupola cupola-supervisor cupola-launch
export PATH := $(CURDIR)/build/tools/bin:$(PATH)

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z_-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: install
install: ## install what building, running and testing need (Debian 12; root or sudo)
	@tools/install

.PHONY: build
build: install ## build build/$(PRESET)/cupola (PRESET=debug, release, tsan or coverage)
	@cmake --preset $(PRESET) >build/configure-$(PRESET).log 2>&1 || { cat build/configure-$(PRESET).log; exit 1; }
	@cmake --build --preset $(PRESET) --parallel $(JOBS) --target $(TARGETS)

.PHONY: test
test: TARGETS = all
test: build ## every test: beside the code, and whole-program tests in tests/
	@tools/run_tests $(PRESET)

.PHONY: lint
lint: install ## form, layering and static checks, without changing anything
	@tools/lint

.PHONY: format
format: install ## bring all C++ into its form
	@git ls-files '*.h' '*.cpp' | xargs -r clang-format -i

.PHONY: check
check: test lint ## all that CI does

.PHONY: demo
demo: install ## from nothing to a pipeline that ran: builds, starts, deploys, runs (EXIT=1 stops at the end)
	@tools/demo

.PHONY: bench
bench: ## the benchmarks of docs/benchmarks.md
	@tools/install --bench
	@$(MAKE) --no-print-directory build PRESET=release TARGETS=all
	@bench/run

.PHONY: simulate
SEEDS ?= 1000
FIRST ?= 1
simulate: ## SEEDS simulated worlds from seed FIRST on, in preset release (docs/testing.md)
	@$(MAKE) --no-print-directory build PRESET=release TARGETS=cupola-simulate
	@build/release/cupola-simulate --seeds $(SEEDS) --first $(FIRST)

.PHONY: coverage
coverage: ## lines and branches that the tests beside the code reach, by module
	@tools/install --bench
	@$(MAKE) --no-print-directory build PRESET=coverage TARGETS=all
	@tools/coverage

.PHONY: nightly
nightly: ## what takes too long for each change: fuzzers, thread sanitizer, the long oracles
	@tools/install --bench
	@tools/nightly

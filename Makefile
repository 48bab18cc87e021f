# The short way in: every target sets up what it needs first (scripts/setup.sh). CMake does the building; its
# presets are in CMakePresets.json.
#   LAKEHAUL_JOBS=n      parallel compilers (default: the number of cores)
#   PREFIX, DESTDIR      where `make install` puts things
#   CI=true              warnings are errors, a missing tool fails tests instead of skipping them

LAKEHAUL_JOBS ?= $(shell nproc)
PREFIX ?= /usr/local

configure = cmake --preset $(1) -DLAKEHAUL_WERROR=$(if $(filter true 1,$(CI)),ON,OFF) --log-level=WARNING >/dev/null
build = $(call configure,$(1)) && cmake --build --preset $(1) --parallel $(LAKEHAUL_JOBS)

.NOTPARALLEL:
.PHONY: help demo demo-flights build test check tsan bench instructions fuzz lint format install clean distclean

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## a shop database hauled into a lake, and queries over it
	@scripts/demo.sh shop

demo-flights: ## the same with all flights that left New York City in 2013
	@scripts/demo.sh flights

build: ## the program, in build/release/src/cli/lakehaul
	@scripts/setup.sh build
	@$(call build,release)

test: ## everything, plain and with sanitizers; ends with the number of tests
	@scripts/setup.sh test
	@$(call build,dev)
	@$(call build,asan)
	@$(call build,tsan)
	@.venv/bin/python scripts/run-tests.py full

check: ## the quick tests, under a minute
	@scripts/setup.sh test
	@$(call build,dev)
	@.venv/bin/python scripts/run-tests.py quick

tsan: ## what several threads do, with ThreadSanitizer
	@scripts/setup.sh test
	@$(call build,tsan)
	@.venv/bin/python scripts/run-tests.py threads

bench: ## lakehaul and other tools side by side, into docs/bench; bench/README.md has the settings
	@scripts/setup.sh bench
	@$(call build,release)
	@.venv/bin/python bench

instructions: ## what a row takes from the wire to a page, beside the record; UPDATE=1 records
	@scripts/setup.sh test
	@$(call build,dev)
	@.venv/bin/python tests/instructions/count.py $(if $(UPDATE),--update)

fuzz: ## searches with each fuzz target for SECONDS (60) with clang's libFuzzer
	@scripts/setup.sh fuzz
	@$(call configure,fuzz) && cmake --build --preset fuzz --parallel $(LAKEHAUL_JOBS)
	@scripts/fuzz.sh run $(or $(SECONDS),60)

lint: ## format, clang-tidy, and the order of the modules
	@scripts/setup.sh lint
	@$(call configure,asan)
	@scripts/lint.sh

format: ## puts the sources into the project's format
	@scripts/setup.sh lint
	@git ls-files '*.c' '*.h' | xargs .venv/bin/clang-format -i

install: build ## PREFIX=/usr/local
	cmake --install build/release --prefix "$(PREFIX)"

clean: ## removes what was built
	rm -rf build

distclean: clean ## and what was downloaded, and the databases of the demo and the benchmark
	@if [ -d .demo/cluster ]; then scripts/cluster.sh remove .demo/cluster; fi
	@if [ -d .deps/bench/work/cluster ]; then scripts/cluster.sh remove .deps/bench/work/cluster; fi
	rm -rf .deps .venv .demo examples/*/lake

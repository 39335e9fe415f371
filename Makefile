# The face of it all. Each target does everything that it needs on a fresh Debian 12 machine.
.DEFAULT_GOAL := help
.PHONY: help deps build dev run test sim flips soak bench pictures lint fuzzers fuzz fuzz-keep coverage tsan clean format
JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 60
SEEDS ?= 10000
FIRST ?= 1
FLIPS ?= 1000000
export CCACHE_NOHASHDIR = 1

help:
	@echo 'make run             build, start a grid here, put a file, break it, go on, get it back (ONCE=1 ends by itself)'
	@echo 'make test            build and run every test, under sanitizers'
	@echo 'make sim [SEEDS=10000] [FIRST=1]  the whole grid in simulation, so many lives of a file under faults'
	@echo 'make flips [FLIPS=1000000]  so many bits flipped in what servers store and answer'
	@echo 'make soak            the long forms of tests: hundreds of kills, gigabytes through the page, ten minutes of standing still, 100,000 lives'
	@echo 'make bench           figures, as a table and in build/bench.json, and pictures of them (QUICK=1: a short run, no pictures)'
	@echo 'make pictures        draw docs/pictures again, as make bench does at its end'
	@echo 'make lint            format, layers, sizes, clang-tidy; clang compiles the fuzzers, and what they want of the rest'
	@echo 'make fuzz [TARGET=x] fuzz one or all decoders for FUZZ_SECONDS (60) each'
	@echo 'make fuzz-keep       add what was found and how long it took to fuzz/corpus and fuzz/ledger'
	@echo 'make coverage        how much of core its unit tests run, by module'
	@echo 'make tsan            unit tests, and some with the real binary, under the thread sanitizer'
	@echo 'make build           the release binary: build/release/holdfast'
	@echo 'make clean           remove build/ and run/'

deps:
	@scripts/install-deps.sh

build/%/build.ninja: CMakeLists.txt CMakePresets.json cmake/HfModule.cmake | deps
	@mkdir -p build
	@cmake --preset $* >build/$*.configure.log 2>&1 || { cat build/$*.configure.log; exit 1; }

build: release
release: build/release/build.ninja
	@ninja -C build/release -j $(JOBS) --quiet holdfast
dev: build/dev/build.ninja
	@ninja -C build/dev -j $(JOBS) --quiet
.PHONY: release

run: release
	@scripts/make_run.sh

# One more at once than there are cores: many wait more than they work.
test: | deps
	@scripts/install-deps.sh test
	@$(MAKE) --no-print-directory dev
	@python3 tools/layers.py
	@python3 tools/sizes.py
	@ctest --test-dir build/dev --output-on-failure --test-output-size-passed 1000000 -j $$(( $(JOBS) + 1 )); code=$$?; \
	  python3 tools/skipped.py build/dev/Testing/Temporary/LastTest.log; exit $$code

build/sim/build.ninja: CMakeLists.txt CMakePresets.json cmake/HfModule.cmake | deps
	@mkdir -p build
	@cmake --preset release -B build/sim -DBUILD_TESTING=ON >build/sim.configure.log 2>&1 || { cat build/sim.configure.log; exit 1; }

# Optimised, but with every HF_CHECK; a failing seed is printed with the faults that it needs.
sim: build/sim/build.ninja
	@ninja -C build/sim -j $(JOBS) --quiet sim
	@build/sim/tests/sim/sim --first $(FIRST) --seeds $(SEEDS)

flips: build/sim/build.ninja
	@ninja -C build/sim -j $(JOBS) --quiet grid_test
	@HF_FLIPS=$(FLIPS) build/sim/tests/grid/grid_test --gtest_filter='*/Flips.*'

# The long forms of the tests that have one; hours.
soak: | deps
	@scripts/install-deps.sh test
	@$(MAKE) --no-print-directory dev
	@SOAK=1 HF_PICTURES=build/dev/page-pictures HOLDFAST_BIN=build/dev/holdfast node --test tests/web/uploads.test.mjs
	@for t in crashes crowds machine_faults helper_storms gateway_through_helper upload_storms large_uploads many_files; do SOAK=1 HOLDFAST_BIN=build/dev/holdfast python3 tests/e2e/$${t}_e2e.py || exit 1; done
	@SOAK=1 build/dev/tests/faults/sockets_test && SOAK=1 build/dev/tests/faults/allocations_test
	@$(MAKE) --no-print-directory sim SEEDS=100000

bench: build/release/build.ninja
	@scripts/install-deps.sh bench
	@ninja -C build/release -j $(JOBS) --quiet holdfast core_bench read_bench fault_proxy
	@python3 bench/bench.py build/release $(if $(QUICK),--quick)
	@$(if $(QUICK),,$(MAKE) --no-print-directory pictures)

# Of what the last whole `make bench` measured here, otherwise of the figures that the present pictures show.
pictures:
	@python3 bench/pictures.py $$(grep -qs by_round_trip build/bench.json && echo build/bench.json || echo docs/pictures/figures.json) docs/pictures

lint: | deps
	@scripts/install-deps.sh lint
	@$(MAKE) --no-print-directory build/dev/build.ninja
	@python3 tools/layers.py && python3 tools/sizes.py && scripts/lint.sh
	@$(MAKE) --no-print-directory fuzzers

# By clang, with our warnings as its errors: the second opinion on what g++ compiles.
fuzzers: | deps
	@scripts/install-deps.sh fuzz
	@$(MAKE) --no-print-directory build/fuzz/build.ninja
	@ninja -C build/fuzz -j $(JOBS) --quiet $(if $(TARGET),$(TARGET) canary_fuzz,fuzzers)

fuzz: fuzzers
	@scripts/fuzz.sh '$(TARGET)' '$(FUZZ_SECONDS)'

fuzz-keep:
	@scripts/fuzz.sh keep

coverage: | deps
	@scripts/install-deps.sh coverage
	@$(MAKE) --no-print-directory build/coverage/build.ninja
	@scripts/coverage.sh

tsan: build/tsan/build.ninja
	@ninja -C build/tsan -j $(JOBS) --quiet
	@ctest --test-dir build/tsan --output-on-failure -j $(JOBS) -LE e2e
	@for t in together through_helper; do HOLDFAST_BIN=build/tsan/holdfast python3 tests/e2e/$${t}_e2e.py || exit 1; done

format:
	@git ls-files '*.cc' '*.h' | xargs clang-format -i

clean:
	@rm -rf build run web/node_modules tests/web/node_modules

#!/bin/sh
# coverage.sh: builds the unit tests and fuzz corpora of core with counters, runs them, and says how much of core they run:
# as a table, and as JSON in build/coverage.json. `coverage.sh lines` lists what they do not run.
# Branches are those of the source, without the ones that the compiler adds for exceptions.
set -eu
modules=$(cd src/holdfast/core && ls -d -- */CMakeLists.txt | xargs -n 1 dirname)
if [ "${1:-}" != lines ]; then
  for module in $modules; do ninja -C build/coverage -j "${JOBS:-$(nproc)}" --quiet "src/holdfast/core/$module/all"; done
  find build/coverage -name '*.gcda' -delete
  for module in $modules; do
    ctest --test-dir "build/coverage/src/holdfast/core/$module" -j "$(nproc)" --output-on-failure >build/coverage.log 2>&1 || { cat build/coverage.log; exit 1; }
  done
  # (A counter that ran over is a negative number, which gcovr would otherwise stop at.)
  gcovr --gcov-ignore-parse-errors --root . --object-directory build/coverage --filter 'src/holdfast/core/' --exclude '.*_(test|fuzz)\.cc' --exclude '.*_test_kit\.h' \
    --exclude-unreachable-branches --exclude-throw-branches --json build/coverage.lines.json build/coverage
fi
python3 tools/coverage.py build/coverage.lines.json build/coverage.json "$@"

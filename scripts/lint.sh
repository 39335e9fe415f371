#!/bin/sh
# Format and clang-tidy over the files of the project (or, with BASE=rev, of what changed since).
set -eu
files() {
  if [ -n "${BASE:-}" ]; then git diff --name-only --diff-filter=d "$BASE" -- "$@"; else git ls-files -- "$@"; fi
}
files '*.cc' '*.h' | xargs -r clang-format --dry-run -Werror
files 'src/*.cc' | grep -v -E '_fuzz\.cc$' | xargs -r -P "$(nproc)" -n 1 clang-tidy -p build/dev --quiet --extra-arg=-Wno-unknown-warning-option
echo "lint: format and clang-tidy are clean"

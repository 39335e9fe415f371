#!/bin/sh
# fuzz.sh TARGET SECONDS: runs one fuzz target, or each of them, over its corpus. New inputs go to build/fuzz/found.
set -eu
targets=${1:-$(git ls-files 'src/*_fuzz.cc' | xargs -n 1 basename | sed 's/\.cc$//')}
for target in $targets; do
  program=$(find build/fuzz -type f -name "$target" -perm -u+x | head -n 1)
  [ -n "$program" ] || { echo "no fuzz target $target" >&2; exit 1; }
  corpus=fuzz/corpus/${target%_fuzz}
  found=build/fuzz/found/$target
  mkdir -p "$found"
  echo "fuzz: $target for $2 s"
  "$program" -max_total_time="$2" -rss_limit_mb=2048 -timeout=20 -print_final_stats=0 -verbosity=0 \
    -artifact_prefix="$found/" "$found" "$corpus"
done

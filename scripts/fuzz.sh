#!/bin/sh
# fuzz.sh TARGET SECONDS: runs one fuzz target, or each of them, as many at once as there are CPUs, over its corpus. New inputs go
# to build/fuzz/found and are where the next run begins. `fuzz.sh keep` adds them, as few as reach the same code, to fuzz/corpus, and
# what was executed to fuzz/ledger. The canary comes first: a planted bug. If that is not found, what follows
# would prove nothing, and nothing follows.
set -eu
found=build/fuzz/found
kept=fuzz/ledger # of each target: its name, executions, seconds of CPU time
program_of() { find build/fuzz -type f -name "$1" -perm -u+x | head -n 1; }

# One target, by a shell of its own: `times` is its CPU time then. Unquiet only when it fails.
if [ "${FUZZ_ONE:-}" = yes ]; then
  target=$1
  program=$(program_of "$target")
  [ -n "$program" ] || { echo "no fuzz target $target" >&2; exit 1; }
  mkdir -p "$found/$target"
  if ! "$program" -max_total_time="$2" -rss_limit_mb=2048 -timeout=20 -print_final_stats=1 -artifact_prefix="$found/$target." \
    "$found/$target" "fuzz/corpus/${target%_fuzz}" >"$found/$target.log" 2>&1; then
    cat "$found/$target.log" >&2
    exit 1
  fi
  times >"$found/$target.times"
  awk -v target="$target" '
    function seconds(t) { split(t, p, "[ms]"); return p[1] * 60 + p[2] }
    /number_of_executed_units/ { executed = $2 }
    FILENAME ~ /times$/ { cpu = seconds($1) + seconds($2) }
    END { printf "%s %d %.1f\n", target, executed, cpu }' "$found/$target.log" "$found/$target.times" >>"$found/ledger"
  # With all runs before: a campaign may be broken off, and goes on where it broke.
  awk -v target="$target" '
    $1 == target { executed += $2; cpu += $3; last_executed = $2; last_cpu = $3 }
    END { printf "fuzz: %-26s %12d executions %7.1f s of CPU; in all %12d, %8.1f s\n", target, last_executed, last_cpu, executed, cpu }' \
    "$kept" "$found/ledger"
  exit
fi

targets=${1:-$(git ls-files 'src/*_fuzz.cc' | xargs -n 1 basename | sed 's/\.cc$//')}
mkdir -p "$found"
touch "$found/ledger"

if [ "$targets" = keep ]; then
  for inputs in "$found"/*_fuzz; do
    target=$(basename "$inputs")
    [ "$target" != canary_fuzz ] || continue
    "$(program_of "$target")" -merge=1 -rss_limit_mb=2048 "fuzz/corpus/${target%_fuzz}" "$inputs" >"$found/$target.merge.log" 2>&1
    rm -r "$inputs"
  done
  awk '{ executed[$1] += $2; cpu[$1] += $3 } END { for (t in cpu) printf "%s %d %d\n", t, executed[t], cpu[t] + 0.5 }' \
    "$kept" "$found/ledger" | sort >"$found/sum"
  mv "$found/sum" "$kept"
  rm "$found/ledger"
  exit
fi

rm -rf "$found/canary_fuzz"
mkdir -p "$found/canary_fuzz"
if "$(program_of canary_fuzz)" -seed=1 -runs=5000000 -artifact_prefix="$found/canary_fuzz/" >"$found/canary_fuzz/log" 2>&1 ||
   ! grep -q heap-buffer-overflow "$found/canary_fuzz/log"; then
  echo "The planted bug of canary_fuzz was not found in five million runs: the fuzzing is broken; see $found/canary_fuzz/log" >&2
  exit 1
fi
echo "fuzz: the planted bug was found"

# Those that had least CPU time so far go first.
for target in $targets; do
  awk -v target="$target" '$1 == target { cpu += $3 } END { print cpu + 0, target }' "$kept" "$found/ledger"
done | sort -n | cut -d ' ' -f 2 | FUZZ_ONE=yes xargs -P "$(nproc)" -I {} "$0" {} "$2"

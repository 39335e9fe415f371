#!/bin/sh
# fuzz.sh TARGET SECONDS: runs one fuzz target, or each of them, as many at once as there are CPUs, over its corpus. New inputs go
# to build/fuzz/found and are where the next run begins. The canary comes first: a planted bug. If that is not found, what follows
# would prove nothing, and nothing follows.
set -eu
found=build/fuzz/found
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
  # All runs since build/fuzz was made: a campaign may be broken off, and goes on where it broke.
  awk -v target="$target" '
    $1 == target { executed += $2; cpu += $3; last_executed = $2; last_cpu = $3 }
    END { printf "fuzz: %-26s %12d executions %7.1f s of CPU; in all %12d, %8.1f s\n", target, last_executed, last_cpu, executed, cpu }' \
    "$found/ledger"
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

targets=${1:-$(git ls-files 'src/*_fuzz.cc' | xargs -n 1 basename | sed 's/\.cc$//')}
printf '%s\n' $targets | FUZZ_ONE=yes xargs -P "$(nproc)" -I {} "$0" {} "$2"

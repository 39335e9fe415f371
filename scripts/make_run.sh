#!/bin/sh
# The first impression: a grid on this machine, a file put, broken in the middle, gone on with, got back, compared.
set -eu
holdfast=build/release/holdfast
grid=run/grid
file=run/sample.bin
mkdir -p run

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
# With set -e a command in front of && ends nothing when it fails.
get_back_and_compare() {
  rm -f run/copy.bin run/copy.bin.part
  $holdfast -d "$grid/client" get "$1" -o run/copy.bin
  cmp "$file" run/copy.bin
  echo "identical"
}
cleanup() {
  [ -z "${grid_pid:-}" ] || kill "$grid_pid" 2>/dev/null || true
  [ -z "${grid_pid:-}" ] || wait "$grid_pid" 2>/dev/null || true
}
trap cleanup EXIT
trap 'exit 0' INT TERM

say "1. A grid of ten storage servers, an upload helper and a web gateway, in $grid"
: >run/grid.log
$holdfast grid "$grid" --servers 10 --gateway-port 0 >run/grid.log 2>&1 &
grid_pid=$!
until grep -q '^ready$' run/grid.log; do
  kill -0 "$grid_pid" 2>/dev/null || { cat run/grid.log; exit 1; }
  # Waits for the grid's own word.
  timeout 1 tail -n +1 -f --pid="$grid_pid" run/grid.log 2>/dev/null | grep -q '^ready$' || true
done

say "2. Put a file of 256 MiB to the servers, and stop in the middle (as Ctrl-C would)"
head -c 268435456 /dev/urandom >"$file"
status=0
timeout --signal=INT 2 $holdfast -d "$grid/client" put "$file" --helper none --limit-rate 200M || status=$?
case $status in
  0) echo "(this machine was faster than the interruption)" ;;
  124) ;;  # timeout(1) interrupted it
  *) exit "$status" ;;
esac

say "3. The same command again: it goes on where it stopped"
cap=$($holdfast -d "$grid/client" put "$file" --helper none)
echo "$cap"

say "4. Get it back, and compare"
get_back_and_compare "$cap"

say "5. Another file through the helper: each byte once; the link is cut in the middle (kill -9), then it goes on"
head -c 134217728 /dev/urandom >"$file"
status=0
timeout --signal=KILL 2 $holdfast -d "$grid/client" put "$file" --limit-rate 40M || status=$?
case $status in
  0 | 124 | 137) ;;  # 137: timeout(1) dies of the signal that it sends
  *) exit "$status" ;;
esac
$holdfast -d "$grid/helper" helper uploads
cap=$($holdfast -d "$grid/client" put "$file")
echo "$cap"
get_back_and_compare "$cap"

say "What next"
cat <<TXT
  $holdfast -d $grid/client put FILE             prints a cap: whoever has it can read the file
  $holdfast -d $grid/client get CAP -o FILE      break it, run it again
  $holdfast -d $grid/client status               which servers answer
  $(cat "$grid/gateway/node.url")                        the same in a browser: drop files, pull the plug
  $holdfast --help
TXT
[ -n "${ONCE:-}" ] && exit 0
say "The grid keeps running until Ctrl-C."
wait "$grid_pid"

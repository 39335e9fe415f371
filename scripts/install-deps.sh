#!/bin/sh
# Installs from Debian 12 what the build, the tests and the tools need; silent when nothing is missing.
# Uses sudo when it is not run by root.
set -eu

packages="
  g++ make cmake ninja-build ccache mold pkg-config git python3
  libboost1.81-dev libboost-json1.81-dev libboost-url1.81-dev
  libssl-dev libisal-dev libb2-dev libexpected-dev libcli11-dev libfmt-dev libspdlog-dev
  libyaml-cpp-dev libgtest-dev libcurl4-openssl-dev
  iproute2 util-linux procps strace
  curl wget aria2 nginx-light"
case "${1:-}" in
  lint) packages="$packages clang-format clang-tidy" ;;
  fuzz) packages="$packages clang-16 libclang-rt-16-dev" ;;
  coverage) packages="$packages gcovr" ;;
  "") ;;
  *) echo "usage: $0 [lint|fuzz|coverage]" >&2; exit 2 ;;
esac

missing=""
for package in $packages; do
  case "$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true)" in
    "install ok installed") ;;
    *) missing="$missing $package" ;;
  esac
done
[ -n "$missing" ] || exit 0

as_root=""
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "Please install as root:$missing" >&2; exit 1; }
  as_root="sudo"
fi
echo "Installing:$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { $as_root apt-get update -qq && \
       DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $missing; } >"$log" 2>&1; then
  cat "$log" >&2
  echo "Installing the packages failed; see above." >&2
  exit 1
fi

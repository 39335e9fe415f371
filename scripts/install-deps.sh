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
  curl wget aria2"
case "${1:-}" in
  test) packages="$packages chromium fonts-liberation nginx-light rclone" ;;
  bench) packages="$packages nginx-light" ;;
  lint) packages="$packages clang-format clang-tidy" ;;
  fuzz) packages="$packages clang-16 libclang-rt-16-dev" ;;
  coverage) packages="$packages gcovr" ;;
  "") ;;
  *) echo "usage: $0 [test|bench|lint|fuzz|coverage]" >&2; exit 2 ;;
esac

as_root=""
[ "$(id -u)" -eq 0 ] || as_root="sudo"

install() {
  if [ -n "$as_root" ] && ! command -v sudo >/dev/null; then
    echo "Please install as root: $*" >&2
    exit 1
  fi
  echo "Installing: $*"
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  if ! { $as_root apt-get update -qq && \
         DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends "$@"; } >"$log" 2>&1; then
    cat "$log" >&2
    echo "Installing the packages failed; see above." >&2
    exit 1
  fi
}

missing=""
for package in $packages; do
  case "$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true)" in
    "install ok installed") ;;
    *) missing="$missing $package" ;;
  esac
done
# shellcheck disable=SC2086  # one word a package
[ -z "$missing" ] || install $missing

# The page of the gateway is bundled by Node.js. One from elsewhere than Debian brings its own npm, which Debian's would break:
# so npm is asked for only when it is still missing.
node_is_new_enough() { node -e 'process.exit(parseInt(process.versions.node) >= 18 ? 0 : 1)' >/dev/null 2>&1; }
node_is_new_enough || install nodejs
command -v npm >/dev/null || install npm

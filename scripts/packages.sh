#!/bin/sh
# Installs the Debian packages that pysnap is built, tested and linted with. Quick when nothing is missing.
#
#   scripts/packages.sh            what building and testing need
#   scripts/packages.sh --print    print the missing ones, install nothing
set -eu
. "$(dirname "$0")/lib/common.sh"

# Alternatives are separated by |: the first that the distribution has is taken.
PACKAGES="
  g++ cmake ninja-build ccache pkg-config git ca-certificates
  libunwind-dev libdw-dev libelf-dev libabsl-dev libprotobuf-dev protobuf-compiler libprotozero-dev libzstd-dev
  libre2-dev libgtest-dev libgmock-dev nlohmann-json3-dev libcli11-dev
  clang clang-format clang-tidy libclang-rt-dev|libclang-rt-14-dev
  debootstrap debian-archive-keyring util-linux
  python3 python3-dev python3-venv
"

available() { apt-cache show "$1" 2>/dev/null | grep -q '^Package:'; }

any_installed() {
  for name in $(printf '%s' "$1" | tr '|' ' '); do
    case $all_installed in *" $name "*) return 0 ;; esac
  done
  return 1
}

missing=""
if ! have apt-get; then
  warn "this is not a Debian system; these packages, or what they are called here, must be installed by hand: $PACKAGES"
  exit 0
fi
all_installed=" $(dpkg-query -W -f '${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p' | tr '\n' ' ') "
for entry in $PACKAGES; do
  any_installed "$entry" || missing="$missing $entry"
done
[ -n "$missing" ] || exit 0
if [ "${1:-}" = --print ]; then
  printf '%s\n' "$missing"
  exit 0
fi

say "installing$missing"
as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq ||
  warn "apt-get update failed; going on with the package lists that are there"
chosen=""
for entry in $missing; do
  for name in $(printf '%s' "$entry" | tr '|' ' '); do
    if available "$name"; then
      chosen="$chosen $name"
      continue 2
    fi
  done
  warn "this distribution has no package $entry"
done
# shellcheck disable=SC2086
as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $chosen >&2

#!/bin/sh
# Finds the CPython interpreters of this machine and, as root, fetches from Debian's packages what it lacks of 3.8-3.15.
#
#   scripts/interpreters.sh               fetch what is missing (quick when nothing is), then print a table
#   scripts/interpreters.sh --list        print what is there as JSON; fetches nothing
#   scripts/interpreters.sh --refresh     look again for versions that Debian did not have the last time
#
# Fetched interpreters live in Debian roots below the cache folder ($PYSNAP_CACHE, or ~/.cache/pysnap) and are started
# by the commands in its bin/ folder, which enter the root by chroot in a mount namespace of their own.
# Several runs at once are safe: one works, the others wait for it.
set -eu
. "$(dirname "$0")/lib/common.sh"

# Current suites first: they have the newest CPythons. An older one adds what the newer ones dropped.
SUITES="forky sid trixie bookworm bullseye"
MINORS="8 9 10 11 12 13 14 15"
# Raise it when the contents of a root change, so that caches made by an older script are completed.
ROOT_FORMAT=1

refresh=no
mode=fetch
case "${1:-}" in
  "") ;;
  --list) mode=list ;;
  --refresh) refresh=yes ;;
  -h | --help)
    sed -n '2,/^set /s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
  *) die "unknown option $1" ;;
esac

# The helper needs any Python 3.8+, not through a shim that may refuse.
find_helper_python() {
  for candidate in /usr/bin/python3 "$HOME"/.pyenv/versions/3.*/bin/python python3; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null; then
      printf '%s\n' "$candidate"
      return
    fi
  done
  die "no python3; scripts/packages.sh installs it"
}
PYTHON=$(find_helper_python)
list() { "$PYTHON" "$ROOT_DIR/scripts/lib/find_interpreters.py" "$@"; }

if [ "$mode" = list ]; then
  list --json
  exit
fi

mkdir -p "$CACHE_DIR/bin"
exec 9>"$CACHE_DIR/lock"
if ! flock -n 9; then
  say "waiting for another run of scripts/interpreters.sh"
  flock 9
fi

# The base address of the Debian mirror that this machine's apt uses.
debian_mirror() {
  if [ -n "${PYSNAP_DEBIAN_MIRROR:-}" ]; then
    printf '%s\n' "$PYSNAP_DEBIAN_MIRROR"
    return
  fi
  apt-get indextargets 'Created-By: Packages' --format '$(REPO_URI) $(COMPONENT)' 2>/dev/null |
    awk '$2 == "main" && $1 ~ /^https?:.*\/debian\/?$/ { sub(/\/$/, "", $1); print $1; exit }'
}

# apt with its lists, cache and sources in the cache folder: the machine's own apt state is left alone.
private_apt() {
  tool=$1
  shift
  "$tool" -o Dir::State::Lists="$CACHE_DIR/apt/lists" -o Dir::Cache="$CACHE_DIR/apt/cache" \
    -o Dir::Etc::SourceList="$CACHE_DIR/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
    -o Acquire::Languages=none -o Acquire::Check-Valid-Until=false -o Acquire::Retries=3 -o APT::Sandbox::User=root \
    -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false \
    -o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false "$@"
}

# Reads the package lists of one suite; fails when the mirror does not have it.
load_suite() {
  mkdir -p "$CACHE_DIR/apt/lists/partial" "$CACHE_DIR/apt/cache/archives/partial"
  keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  option=""
  [ ! -e "$keyring" ] || option="[signed-by=$keyring]"
  printf 'deb %s %s %s main\n' "$option" "$MIRROR" "$1" >"$CACHE_DIR/apt/sources.list"
  private_apt apt-get -qq update >"$CACHE_DIR/apt/update.log" 2>&1 &&
    ! grep -q '^E:' "$CACHE_DIR/apt/update.log" &&
    private_apt apt-cache dumpavail | python_packages >"$CACHE_DIR/apt/packages-suite"
}
python_packages() { sed -n 's/^Package: \(\(lib\)\{0,1\}python3\.[0-9].*\)/\1/p' | sort -u; }
suite_has() { grep -qxF "$1" "$CACHE_DIR/apt/packages-suite"; }
host_has() { grep -qxF "$1" "$CACHE_DIR/apt/packages-host"; }

# The packages that make up one version, of those that exist where $1 (a predicate) looks.
packages_of() {
  predicate=$1
  minor=$2
  for package in "python3.$minor" "python3.$minor-dbg" "python3.$minor-dev" "libpython3.$minor-testsuite"; do
    if "$predicate" "$package"; then printf '%s ' "$package"; fi
  done
}

# Puts a complete root of suite $1 with packages $2 at $3, or nothing.
make_root() {
  suite=$1
  include=$(printf '%s' "$2" | sed 's/ *$//; s/  */,/g')
  target=$3
  say "fetching $include from Debian $suite"
  script=/usr/share/debootstrap/scripts/$suite
  [ -e "$script" ] || script=/usr/share/debootstrap/scripts/sid
  mkdir -p "$CACHE_DIR/debs/$suite"
  rm -rf "$target.new"
  if ! debootstrap --variant=minbase --cache-dir="$CACHE_DIR/debs/$suite" --include="$include" \
    "$suite" "$target.new" "$MIRROR" "$script" >"$CACHE_DIR/debootstrap-$suite.log" 2>&1; then
    warn "debootstrap of $suite failed; see $CACHE_DIR/debootstrap-$suite.log: $(tail -n 1 "$CACHE_DIR/debootstrap-$suite.log")"
    return 1
  fi
  rm -rf "$CACHE_DIR/debs/$suite" "$target.new"/var/cache/apt/archives/*.deb
  printf '%s\n' "$suite $include" >"$target.new/.pysnap-root"
  rm -rf "$target"
  mv "$target.new" "$target"
}

# Writes a command for interpreter $1 of root $2 with name $3 into the cache's bin/.
make_command() {
  sed -e "s|@ROOT@|$2|g" -e "s|@PROGRAM@|$1|g" "$ROOT_DIR/scripts/lib/chroot-command.sh.in" >"$CACHE_DIR/bin/.$3.$$"
  chmod 755 "$CACHE_DIR/bin/.$3.$$"
  mv "$CACHE_DIR/bin/.$3.$$" "$CACHE_DIR/bin/$3"
}

# Headers of the roots, reachable under the name by which Debian's pyconfig.h includes its other half
# (<x86_64-linux-gnu/python3.14/pyconfig.h>), without putting a foreign libc's headers on the include path.
make_header_links() {
  for multiarch in "$1"/usr/include/*-linux-gnu*; do
    [ -d "$multiarch" ] || continue
    links=$CACHE_DIR/include/${multiarch##*/}
    mkdir -p "$links"
    for folder in "$multiarch"/python3.*; do
      [ ! -e "$folder" ] || ln -sfn "$folder" "$links/${folder##*/}"
    done
  done
}

make_commands() {
  for root in "$CACHE_DIR"/root "$CACHE_DIR"/root-*; do
    [ -e "$root/.pysnap-root" ] || continue
    make_header_links "$root"
    for program in "$root"/usr/bin/python3.[0-9] "$root"/usr/bin/python3.[0-9]d \
      "$root"/usr/bin/python3.[0-9][0-9] "$root"/usr/bin/python3.[0-9][0-9]d; do
      [ -x "$program" ] || continue
      name=${program##*/}
      # The first root is the newest; a version that is in two is taken from there.
      owner=$(sed -n 's/^ROOT=//p' "$CACHE_DIR/bin/$name" 2>/dev/null || true)
      if [ -z "$owner" ] || [ "$owner" = "$root" ] || [ ! -e "$owner/usr/bin/$name" ]; then
        make_command "/usr/bin/$name" "$root" "$name"
      fi
    done
  done
}

installed() { dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -q '^installed$'; }

# What the machine's own distribution has as a package is installed there, where it needs no root of its own.
install_host_packages() {
  mkdir -p "$CACHE_DIR/apt"
  apt-cache dumpavail | python_packages >"$CACHE_DIR/apt/packages-host"
  wanted=""
  for minor in $MINORS; do
    if host_has "python3.$minor-dbg"; then
      for package in $(packages_of host_has "$minor"); do
        installed "$package" || wanted="$wanted $package"
      done
    fi
  done
  if [ -n "$wanted" ]; then
    say "installing$wanted"
    # shellcheck disable=SC2086
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $wanted \
      >"$CACHE_DIR/apt-install.log" 2>&1 || warn "apt-get install failed; see $CACHE_DIR/apt-install.log"
  fi
}

missing_minors() { list --missing; }

fetch() {
  if ! have apt-get; then
    warn "this is not a Debian system: only the interpreters already here are used"
    return
  fi
  install_host_packages
  if [ "$(id -u)" != 0 ]; then
    warn "not root: no interpreters are fetched (they are entered by chroot)"
    return
  fi
  have debootstrap || {
    warn "no debootstrap; scripts/packages.sh installs it"
    return
  }
  MIRROR=$(debian_mirror)
  [ -n "$MIRROR" ] || {
    warn "apt's configuration names no Debian mirror; set PYSNAP_DEBIAN_MIRROR"
    return
  }
  for suite in $SUITES; do
    missing=$(missing_minors)
    [ -n "$missing" ] || break
    if [ "$suite" = forky ]; then root=$CACHE_DIR/root; else root=$CACHE_DIR/root-$suite; fi
    [ ! -e "$root/.pysnap-root" ] || continue
    load_suite "$suite" || continue
    packages=""
    for minor in $missing; do packages="$packages$(packages_of suite_has "$minor")"; done
    [ -n "$packages" ] || continue
    make_root "$suite" "$packages" "$root" || continue
    make_commands
    command=$CACHE_DIR/bin/${packages%% *}
    if ! "$command" -c pass 2>"$CACHE_DIR/command.log"; then
      warn "what was fetched cannot be run here: $(tail -n 1 "$CACHE_DIR/command.log")"
      break
    fi
  done
}

# The stamp remembers for which list of wanted builds Debian was asked; --refresh or a new kind of root asks again.
stamp=$CACHE_DIR/fetched
wanted_now="$ROOT_FORMAT $MINORS $(list --missing | tr '\n' ' ')"
make_commands
if [ "$refresh" = yes ] || [ ! -e "$stamp" ] || [ "$(cat "$stamp")" != "$wanted_now" ]; then
  fetch
  make_commands
  printf '%s' "$ROOT_FORMAT $MINORS $(list --missing | tr '\n' ' ')" >"$stamp"
fi
list --table

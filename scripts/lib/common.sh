# Shared by the shell scripts; sourced, never run. Sets ROOT_DIR and CACHE_DIR and defines small helpers.
# POSIX sh: it must work on a machine where nothing is installed yet.

ROOT_DIR=$(cd "$(dirname "$0")/.." && pwd -P)
# Where everything lives that is fetched or derived and survives a clean checkout.
CACHE_DIR=${PYSNAP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/pysnap}
export ROOT_DIR CACHE_DIR

say() { printf '%s\n' "$*" >&2; }
warn() { printf 'warning: %s\n' "$*" >&2; }
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# Runs a command as root: directly, or through sudo. Fails when neither is possible.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif have sudo; then
    sudo -n true 2>/dev/null || [ -t 0 ] || die "not root, and sudo would ask for a password: $*"
    sudo "$@"
  else
    die "not root, and there is no sudo, for: $*"
  fi
}

#!/bin/sh
# Checks style and the project's rules: layers, clang-format, clang-tidy, ruff, mypy. Prints every problem.
#
#   scripts/lint.sh            everything
#   scripts/lint.sh --quick    without clang-tidy, which takes minutes
#   scripts/lint.sh --fix      format C++ and Python in place
#
# clang-tidy needs a configured build: build, or PYSNAP_TIDY_BUILD. One by clang (build/asan) spares it the parsing of
# what is precompiled there, as long as that is up to date.
set -eu
. "$(dirname "$0")/lib/common.sh"
. "$ROOT_DIR/scripts/lib/venv.sh"
cd "$ROOT_DIR"

tidy=yes
fix=no
case "${1:-}" in
  "") ;;
  --quick) tidy=no ;;
  --fix) fix=yes ;;
  *) die "unknown option $1" ;;
esac
ensure_venv

cpp_files() { git ls-files -co --exclude-standard '*.h' '*.cc' '*.c'; }
PYTHON_FOLDERS="scripts tests replay_ext"
# Typed strictly. Programs under test are whatever they need to be.
MYPY_FOLDERS="replay_ext/pysnap scripts tests/support_py tests/conftest.py"

if [ "$fix" = yes ]; then
  cpp_files | xargs -r clang-format -i
  # shellcheck disable=SC2086
  "$VENV_DIR/bin/ruff" check -q --fix $PYTHON_FOLDERS || true
  # shellcheck disable=SC2086
  "$VENV_DIR/bin/ruff" format -q $PYTHON_FOLDERS
  exit 0
fi

failed=""
run() {
  name=$1
  shift
  if "$@"; then say "lint: $name: ok"; else
    failed="$failed $name"
    say "lint: $name: FAILED"
  fi
}
format_cpp() { cpp_files | xargs -r clang-format --dry-run --Werror; }
tidy_cpp() {
  commands=${PYSNAP_TIDY_BUILD:-build}
  [ -e "$commands/compile_commands.json" ] || die "configure first: cmake --preset default"
  git ls-files -co --exclude-standard 'snapshotter/*.cc' |
    xargs -r -n 4 -P "$(nproc)" clang-tidy -p "$commands" --quiet 2>/dev/null
}
existing() { for path in "$@"; do if [ -e "$path" ]; then printf '%s\n' "$path"; fi; done; }

run layers "$HOST_PYTHON" scripts/check_layers.py
run clang-format format_cpp
# shellcheck disable=SC2046,SC2086
run ruff "$VENV_DIR/bin/ruff" check -q $(existing $PYTHON_FOLDERS)
# shellcheck disable=SC2046,SC2086
run ruff-format "$VENV_DIR/bin/ruff" format -q --check $(existing $PYTHON_FOLDERS)
# shellcheck disable=SC2046,SC2086
run mypy "$VENV_DIR/bin/mypy" --no-error-summary $(existing $MYPY_FOLDERS)
if [ "$tidy" = yes ]; then run clang-tidy tidy_cpp; fi
[ -z "$failed" ] || die "lint failed:$failed"

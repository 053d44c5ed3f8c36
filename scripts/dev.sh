#!/bin/sh
# One entry point for developers.
#
#   scripts/dev.sh build                  configure and build into build/
#   scripts/dev.sh test [ARGUMENT ...]    build, then unit tests and Python tests; ARGUMENTs go to pytest
#   scripts/dev.sh kills [ARGUMENT ...]   build, then kill the watcher of on-crash at 200 random moments, for each CPython
#                                         and kind of breakpoint; ARGUMENTs go to pytest (--python 3.12)
#   scripts/dev.sh lint | format          check, or mend, the style (lint --quick leaves out clang-tidy)
#   scripts/dev.sh fixtures               regenerate what is derived from the CPythons found: layouts, test fixtures
#   scripts/dev.sh bench [ARGUMENT ...]   scripts/bench.py
#   scripts/dev.sh suites [ARGUMENT ...]  thirty modules of CPython's own tests, bare and under on-crash, as a table:
#                                         a quarter of an hour for each build (--python 3.12, MODULE ..., --help)
set -eu
. "$(dirname "$0")/lib/common.sh"
. "$ROOT_DIR/scripts/lib/venv.sh"
cd "$ROOT_DIR"

command=${1:-help}
[ $# -eq 0 ] || shift
JOBS=${PYSNAP_JOBS:-$(nproc)}
build() {
  [ -e build/build.ninja ] || cmake --preset default
  cmake --build build -j "$JOBS"
}

case $command in
  build) build ;;
  test)
    build
    ensure_venv
    ctest --test-dir build --output-on-failure -j "$JOBS"
    exec "$VENV_DIR/bin/pytest" -n "$JOBS" "$@"
    ;;
  kills)
    build
    ensure_venv
    export PYSNAP_WATCHER_KILLS="${PYSNAP_WATCHER_KILLS:-200}"
    exec "$VENV_DIR/bin/pytest" -n "$JOBS" -k killed_watcher tests/integration/test_watching.py "$@"
    ;;
  lint) exec scripts/lint.sh "$@" ;;
  format) exec scripts/lint.sh --fix ;;
  fixtures) exec "$HOST_PYTHON" scripts/lib/regenerate.py ;;
  bench)
    ensure_venv
    exec "$VENV_DIR/bin/python" scripts/bench.py "$@"
    ;;
  suites)
    build
    ensure_venv
    PYTHONPATH=tests exec "$VENV_DIR/bin/python" -m support_py.suites --pysnap build/bin/pysnap --follow-forks "$@"
    ;;
  *)
    sed -n '2,/^set /s/^# \{0,1\}//p' "$0"
    [ "$command" = help ] || exit 2
    ;;
esac

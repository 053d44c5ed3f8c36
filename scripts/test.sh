#!/bin/sh
# Installs what is missing, builds, and runs every test on every CPython found.
#
#   scripts/test.sh [PYTEST-ARGUMENT ...]          all tests; PYTEST-ARGUMENTs go to pytest (--python 3.12, -k name)
#   scripts/test.sh --full [PYTEST-ARGUMENT ...]   also lint, sanitizers, fuzzers and the check of the generated layouts;
#                                                  fails when a build of tests/required-builds.txt did not run
#
# All steps are run, whatever fails; the summary at the end and the exit code tell. PYSNAP_FUZZ_SECONDS (default 60) is
# the time of all fuzzers together.
set -eu
. "$(dirname "$0")/lib/common.sh"
. "$ROOT_DIR/scripts/lib/venv.sh"
cd "$ROOT_DIR"

full=no
if [ "${1:-}" = --full ]; then
  full=yes
  shift
fi
JOBS=${PYSNAP_JOBS:-$(nproc)}

summary=""
failed=no
failed_logs=""
LOGS=build/logs
mkdir -p "$LOGS"
# Runs one step and remembers how it went. Where nobody watches, what it printed is kept as well, for the end.
step() {
  name=$1
  shift
  say ""
  say "=== $name"
  started=$(date +%s)
  log=$LOGS/$(printf '%s' "$name" | tr ' ' '-').log
  if [ -t 1 ] && [ -t 2 ]; then
    if "$@"; then result=ok; else result=FAILED; fi
    : >"$log"
  else
    { if "$@"; then echo ok >"$log.result"; else echo FAILED >"$log.result"; fi; } 2>&1 | tee "$log"
    result=$(cat "$log.result")
  fi
  if [ "$result" = FAILED ]; then
    failed=yes
    failed_logs="$failed_logs $log"
  fi
  summary="$summary$(printf '%-28s %-7s %5d s' "$name" "$result" "$(($(date +%s) - started))")
"
  [ "$result" = ok ]
}

build() { cmake --preset "$1" >"$2" && cmake --build "$3" -j "$JOBS"; }
build_default() {
  mkdir -p build
  build default build/configure.log build || return
}
unit_tests() { ctest --test-dir "$1" --output-on-failure -j "$JOBS"; }
python_tests() {
  rm -f build/test-matrix.json
  if [ "$full" = yes ]; then
    # Everything on every build: what takes long is done on release builds only otherwise, or (torch) not at all.
    PYSNAP_FULL_RUN=1
    # How often the tests of real programs attach in a row, how often an attach and a watcher are killed, and how many
    # instructions a program is stopped at.
    PYSNAP_TEST_ATTACHES=${PYSNAP_TEST_ATTACHES:-200}
    PYSNAP_KILL_ROUNDS=${PYSNAP_KILL_ROUNDS:-500}
    PYSNAP_WATCHER_KILLS=${PYSNAP_WATCHER_KILLS:-20}
    PYSNAP_STEP_INSTRUCTIONS=${PYSNAP_STEP_INSTRUCTIONS:-40000}
    # How many random graphs of objects each release build replays.
    PYSNAP_GRAPHS=${PYSNAP_GRAPHS:-10000}
    # How much of CPython's own tests is compared bare and watched.
    PYSNAP_SUITES=${PYSNAP_SUITES:-some}
    export PYSNAP_FULL_RUN PYSNAP_TEST_ATTACHES PYSNAP_KILL_ROUNDS PYSNAP_WATCHER_KILLS PYSNAP_STEP_INSTRUCTIONS PYSNAP_GRAPHS PYSNAP_SUITES
    set -- --require-builds "$@"
  fi
  # One more than there are processors: a test often waits for its program.
  "$VENV_DIR/bin/pytest" -n "$((JOBS + 1))" --dist worksteal -q "$@"
}
sanitizer_tests() {
  mkdir -p build/asan
  build asan build/asan/configure.log build/asan && unit_tests build/asan
}
# Beside the tests, which wait for their programs a quarter of the time, and only while they do: the sanitizers' build,
# whose errors are told by the step that needs it, then lint, with the headers that this build has precompiled.
start_beside() {
  rm -f "$LOGS/lint.ok"
  mkdir -p build/asan
  setsid chrt --idle 0 sh -c '
    { cmake --preset asan && cmake --build build/asan -j "$2"; } >"$1/sanitizers-beside.log" 2>&1 &&
      export PYSNAP_TIDY_BUILD=build/asan
    scripts/lint.sh >"$1/lint.out" 2>&1 && : >"$1/lint.ok"' beside "$LOGS" "$JOBS" &
  beside=$!
  trap 'kill -- -"$beside" 2>/dev/null || true' EXIT
  trap 'exit 130' INT TERM
}
await_beside() { [ -z "$beside" ] || wait "$beside" || true; }
lint_result() {
  cat "$LOGS/lint.out"
  [ -e "$LOGS/lint.ok" ]
}
set_up() {
  scripts/packages.sh && scripts/interpreters.sh && ensure_venv
}

step "packages and interpreters" set_up || true
beside=""
if step "build" build_default; then
  [ "$full" = no ] || start_beside
  step "unit tests" unit_tests build || true
  step "tests on every CPython" python_tests "$@" || true
fi
if [ "$full" = yes ]; then
  await_beside
  step "lint" lint_result || true
  step "layouts" "$HOST_PYTHON" scripts/gen_layout.py --check || true
  step "unit tests with sanitizers" sanitizer_tests || true
  step "fuzzers" scripts/fuzz.sh "${PYSNAP_FUZZ_SECONDS:-60}" || true
fi

say ""
say "=== summary"
if [ -e build/test-matrix.json ]; then "$HOST_PYTHON" tests/support_py/table.py build/test-matrix.json >&2 || failed=yes; fi
printf '%s' "$summary" >&2
for log in $failed_logs; do
  say ""
  say "=== what failed: the end of $log"
  grep -E 'error|FAILED|Error|warning:' "$log" | grep -v '^INFO' | tail -n 30 >&2 || true
  say "..."
  tail -n 30 "$log" >&2
done
if [ "$failed" = yes ]; then die "something failed"; fi
say "all passed"

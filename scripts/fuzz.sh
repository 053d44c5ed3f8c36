#!/bin/sh
# Builds the libFuzzer targets of tests/fuzz and runs each for its share of the time.
#
#   scripts/fuzz.sh [SECONDS]      60 by default, for all of them together
#
# What they learn is kept in build/fuzz/corpus, what breaks them in build/fuzz/findings.
set -eu
. "$(dirname "$0")/lib/common.sh"
cd "$ROOT_DIR"

mkdir -p build/asan
cmake --preset asan >build/asan/configure.log || die "cmake failed; see build/asan/configure.log"
names=$(for source in tests/fuzz/*_fuzz.cc; do basename "$source" .cc; done)
# shellcheck disable=SC2086
cmake --build build/asan -j "${PYSNAP_JOBS:-$(nproc)}" --target $names
each=$((${1:-60} / $(printf '%s\n' "$names" | wc -l)))
[ "$each" -ge 1 ] || each=1
for name in $names; do
  say "fuzz: $name, $each s"
  corpus=build/fuzz/corpus/$name
  mkdir -p "$corpus" build/fuzz/findings
  seeds=tests/fuzz/corpus/$name
  [ -d "$seeds" ] || seeds=""
  # shellcheck disable=SC2086
  "build/asan/bin/$name" -max_total_time="$each" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=0 \
    -artifact_prefix=build/fuzz/findings/ "$corpus" $seeds || die "$name found something: build/fuzz/findings"
done

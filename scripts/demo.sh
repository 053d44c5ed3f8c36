#!/bin/sh
# Installs what is missing, builds, takes a snapshot of a program that hangs, shows it and debugs it.
#
#   scripts/demo.sh            on a terminal it ends in pdb inside the snapshot; elsewhere it only prints
#
# PYSNAP_DEMO_PYTHON=/path/to/python chooses the interpreter of the program.
set -eu
. "$(dirname "$0")/lib/common.sh"
. "$ROOT_DIR/scripts/lib/venv.sh"
cd "$ROOT_DIR"

scripts/packages.sh
scripts/interpreters.sh >&2
mkdir -p build/demo
say "building (quick when nothing has changed) ..."
cmake --preset default >build/configure.log || die "cmake failed; see build/configure.log"
cmake --build build -j "$(nproc)" >build/build.log || die "the build failed: $(tail -n 20 build/build.log)"

python=${PYSNAP_DEMO_PYTHON:-$HOST_PYTHON}
snapshot=build/demo/stuck_orders.pb
lines=$(mktemp -u)
mkfifo "$lines"
"$python" examples/stuck_orders.py >"$lines" &
program=$!
trap 'kill "$program" 2>/dev/null || true; rm -f "$lines"' EXIT
read -r line <"$lines" || die "the program ended before it hung"

shown() {
  printf '\n$ %s\n' "$*"
  "$@"
}
printf '\nexamples/stuck_orders.py is running as process %s and is %s.\n' "$program" "$line"
rm -f "$snapshot"
if [ "$(id -u)" = 0 ] || [ "$(cat /proc/sys/kernel/yama/ptrace_scope 2>/dev/null || echo 0)" = 0 ]; then
  shown build/bin/pysnap attach -o "$snapshot" "$program"
else
  # Yama lets a process be traced by its ancestors and by root only.
  shown as_root build/bin/pysnap attach -o "$snapshot" "$program"
  as_root chown "$(id -u)" "$snapshot"
fi
kill -0 "$program" && printf '(process %s goes on running)\n' "$program"
shown build/bin/pysnap peek "$snapshot"
shown build/bin/pysnap show "$snapshot"
shown build/bin/pysnap replay "$snapshot" --thread shipper -c where -c args -c 'p order.items' -c 'p self.stock'

cat <<END

Try next:
  build/bin/pysnap replay $snapshot                     pdb inside the program's frames; 'threads' lists the threads
  build/bin/pysnap replay --thread refunder $snapshot
  build/bin/pysnap show --json $snapshot
  build/bin/pysnap attach PID                           your own program (as root, or with kernel.yama.ptrace_scope=0)
  PYTHONPATH=build/python python3 -c 'import pysnap; print(pysnap.load("$snapshot").threads)'
END
if [ -t 0 ] && [ -t 1 ]; then build/bin/pysnap replay "$snapshot"; fi

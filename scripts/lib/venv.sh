# Shared by the scripts that need Python tools (pytest, ruff, mypy ...); sourced after common.sh.

VENV_DIR=$CACHE_DIR/venv
# The host's own interpreter drives tests and tools, whatever version the user has in front of it on the PATH.
HOST_PYTHON=/usr/bin/python3
[ -x "$HOST_PYTHON" ] || HOST_PYTHON=python3

# Makes the virtual environment of requirements-dev.txt in the cache, or does nothing when it is up to date.
# Safe when several scripts do it at once.
ensure_venv() {
  mkdir -p "$CACHE_DIR"
  wanted=$("$HOST_PYTHON" -V && cat "$ROOT_DIR/requirements-dev.txt")
  if [ "$(cat "$VENV_DIR/.wanted" 2>/dev/null)" = "$wanted" ]; then return; fi
  (
    flock 8
    if [ "$(cat "$VENV_DIR/.wanted" 2>/dev/null)" = "$wanted" ]; then exit 0; fi
    say "installing the Python tools into $VENV_DIR"
    "$HOST_PYTHON" -m venv --clear "$VENV_DIR"
    "$VENV_DIR/bin/pip" install -q --disable-pip-version-check -r "$ROOT_DIR/requirements-dev.txt" >&2
    printf '%s' "$wanted" >"$VENV_DIR/.wanted"
  ) 8>"$CACHE_DIR/venv.lock"
}

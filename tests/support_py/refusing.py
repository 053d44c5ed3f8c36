"""A seccomp filter that refuses perf_event_open, as containers do: for preexec_fn."""

from __future__ import annotations

import ctypes
import struct

import pytest

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
PERF_EVENT_OPEN = 298  # x86-64
EPERM = 1


def refuse_perf_events() -> None:
    """From now on, and in all that is started, perf_event_open fails with EPERM."""
    # Classic BPF: load the system call's number; if it is that one, return the error, else allow.
    code = b"".join(
        struct.pack("HBBI", *instruction)
        for instruction in (
            (0x20, 0, 0, 0),
            (0x15, 0, 1, PERF_EVENT_OPEN),
            (0x06, 0, 0, 0x00050000 | EPERM),
            (0x06, 0, 0, 0x7FFF0000),
        )
    )
    program = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(program))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 or libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, header) != 0:
        raise OSError(ctypes.get_errno(), "seccomp")


# A test runs once with each kind of breakpoints: `restrict` is a preexec_fn.
both_mechanisms = pytest.mark.parametrize(
    "restrict", [None, refuse_perf_events], ids=["perf events", "debug registers"]
)

"""A program stopped at everything it asks of the kernel, by ptrace(2)."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Iterator

_PTRACE_TRACEME = 0
_PTRACE_SYSCALL = 24

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def system_call_stops(command: list[str]) -> Iterator[int]:
    """Runs the command; gives its PID once it executes, and at the beginning and at the end of each system call, while
    it is stopped there.

    It is killed when the iterator is closed. Children that it forks are not traced.
    """
    pid = os.fork()
    if pid == 0:
        try:
            # With this alone, it is stopped by a SIGTRAP once it executes (ptrace(2)).
            _libc.ptrace(_PTRACE_TRACEME, 0, None, None)
            os.execvp(command[0], command)
        finally:
            os._exit(127)
    ended = False
    try:
        while True:
            ended = not os.WIFSTOPPED(os.waitpid(pid, 0)[1])
            if ended:
                return
            yield pid
            _libc.ptrace(_PTRACE_SYSCALL, pid, None, None)
    finally:
        if not ended:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)

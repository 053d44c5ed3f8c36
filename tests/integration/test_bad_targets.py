"""What cannot be attached to, or written: the contract's exit code, and one line that says why."""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Iterator, Optional

import pytest
from support_py.interpreters import Interpreter, find_interpreters

PERMISSION, NOT_PYTHON, NO_SUCH, CANNOT_WRITE, USAGE = 3, 4, 5, 6, 2
NOBODY = 65534
WAITING = "import sys; print('ready', flush=True); sys.stdin.read()"
# Its snapshot cannot be made small.
LARGE = "import os; large = os.urandom(300_000); " + WAITING + "; large"

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be somebody else")


def any_interpreter() -> Interpreter:
    """A release build that everybody can run, for what does not depend on the version."""
    found = [p for p in find_interpreters() if p.root is None and not p.debug]
    for python in found:
        if python.path.startswith("/usr/"):  # A home folder may be closed to others.
            return python
    return found[0]


class Started:
    """Starts processes and ends them after the test."""

    def __init__(self) -> None:
        self._processes: list[subprocess.Popen[str]] = []

    def __call__(self, *command: str, user: Optional[int] = None, **options: Any) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=become(user),
            **options,
        )
        self._processes.append(process)
        return process

    def python(self, code: str = WAITING, user: Optional[int] = None) -> subprocess.Popen[str]:
        """Starts Python, and returns when it has printed "ready"."""
        process = self(any_interpreter().path, "-c", code, user=user, cwd="/")
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    def end(self) -> None:
        for process in reversed(self._processes):  # A tracer before the one it traces.
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()


def become(user: Optional[int]) -> Optional[Callable[[], None]]:
    if user is None:
        return None

    def change() -> None:
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)

    return change


@pytest.fixture
def start() -> Iterator[Started]:
    started = Started()
    yield started
    started.end()


@pytest.fixture(scope="module")
def public_binary(pysnap_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The tool where everybody can run it."""
    folder = Path("/tmp") / f"pysnap-public-{os.getpid()}"
    folder.mkdir(mode=0o755)
    yield Path(shutil.copy(pysnap_binary, folder / "pysnap"))
    shutil.rmtree(folder)


def attach(binary: Path, pid: object, output: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(binary), "attach", "-o", str(output), str(pid)],
        capture_output=True,
        text=True,
        **options,
    )


def check_refused(result: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    assert result.returncode == code, result
    assert result.stdout == ""
    assert result.stderr.startswith("pysnap: ") and result.stderr.count("\n") == 1, result.stderr
    for word in words:
        assert word in result.stderr


def check_nothing_written(folder: Path) -> None:
    assert list(folder.iterdir()) == []


def test_gone(start: Started, pysnap_binary: Path, tmp_path: Path) -> None:
    process = start("/bin/true")
    process.wait()
    check_refused(attach(pysnap_binary, process.pid, tmp_path / "x.pb"), NO_SUCH, str(process.pid))
    check_nothing_written(tmp_path)


@pytest.mark.parametrize("pid", ["0", "-1", "x", "", "99999999999999999999", "1.5"])
def test_no_pid(pysnap_binary: Path, tmp_path: Path, pid: str) -> None:
    check_refused(attach(pysnap_binary, pid, tmp_path / "x.pb"), USAGE)
    check_nothing_written(tmp_path)


def test_not_python(start: Started, pysnap_binary: Path, tmp_path: Path) -> None:
    process = start("/bin/cat")
    check_refused(attach(pysnap_binary, process.pid, tmp_path / "x.pb"), NOT_PYTHON, str(process.pid))
    check_nothing_written(tmp_path)
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write("unharmed\n")
    process.stdin.flush()
    assert process.stdout.readline() == "unharmed\n"


def test_zombie(start: Started, pysnap_binary: Path, tmp_path: Path) -> None:
    process = start("/bin/true")
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    check_refused(attach(pysnap_binary, process.pid, tmp_path / "x.pb"), NOT_PYTHON, "zombie")


def test_child_of_vfork(start: Started, pysnap_binary: Path, tmp_path: Path) -> None:
    """Until it executes its program its memory is the parent's, whose other threads go on in it."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    opened = f"[(os.POSIX_SPAWN_OPEN, 0, {str(fifo)!r}, os.O_RDONLY, 0)]"
    spawn = f"os.posix_spawn('/bin/true', ['true'], {{}}, file_actions={opened})"
    parent = start.python(f"import os; print('ready', flush=True); {spawn}; print('done', flush=True)")
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children")
    while not children.read_text():  # It opens the pipe, and waits until that is written to.
        assert parent.poll() is None
    child = children.read_text().strip()
    check_refused(attach(pysnap_binary, child, tmp_path / "x.pb"), NOT_PYTHON, child, f"attach to {parent.pid}")
    fifo.write_text("")
    assert parent.communicate()[0] == "done\n"


def test_kernel_thread(pysnap_binary: Path, tmp_path: Path) -> None:
    if Path("/proc/2/comm").exists() and Path("/proc/2/comm").read_text() == "kthreadd\n":
        check_refused(attach(pysnap_binary, 2, tmp_path / "x.pb"), NOT_PYTHON, "kernel")
    else:
        pytest.skip("there is no thread of the kernel to be seen")


def test_a_threads_id(start: Started, pysnap_binary: Path, tmp_path: Path) -> None:
    code = f"import threading; threading.Thread(target=lambda: exec({WAITING!r})).start()"
    process = start.python(code)
    tid = next(int(t) for t in os.listdir(f"/proc/{process.pid}/task") if int(t) != process.pid)
    check_refused(attach(pysnap_binary, tid, tmp_path / "x.pb"), NO_SUCH, f"use {process.pid}")


@as_root
def test_not_ours(start: Started, public_binary: Path, tmp_path: Path) -> None:
    process = start.python()
    result = attach(public_binary, process.pid, Path("/tmp/x.pb"), preexec_fn=become(NOBODY))
    check_refused(result, PERMISSION, "belongs to root", "sudo")


def test_traced_already(start: Started, pysnap_binary: Path, tmp_path: Path) -> None:
    process = start.python()
    tracer = (
        "import ctypes, sys; seized = ctypes.CDLL(None).ptrace(0x4206, int(sys.argv[1]), None, None);"
        "print('ready' if seized == 0 else 'failed', flush=True); sys.stdin.read()"
    )
    other = start(sys.executable, "-c", tracer, str(process.pid))
    assert other.stdout is not None
    assert other.stdout.readline() == "ready\n"
    result = attach(pysnap_binary, process.pid, tmp_path / "x.pb")
    check_refused(result, PERMISSION, f"traced by process {other.pid}")
    check_nothing_written(tmp_path)


def test_ends_during_attach(start: Started, pysnap_binary: Path, tmp_path: Path) -> None:
    """Whatever the moment: a whole snapshot or one line, and never a broken file."""
    codes = set()
    for i in range(30):
        process = start.python("print('ready', flush=True); import sys; sys.stdin.read(); import threading, json")
        pysnap = subprocess.Popen(
            [str(pysnap_binary), "attach", "--quiet", "-o", str(tmp_path / f"{i}.pb"), str(process.pid)],
            stderr=subprocess.PIPE,
            text=True,
        )
        # From before pysnap has begun to after it has ended: its end is what the loop waits for.
        for _ in range(i * 2000):
            if pysnap.poll() is not None:
                break
        assert process.stdin is not None
        process.stdin.close()
        error = pysnap.communicate()[1]
        process.wait()
        codes.add(pysnap.returncode)
        assert (tmp_path / f"{i}.pb").exists() == (pysnap.returncode == 0)
        assert error.count("\n") == (pysnap.returncode != 0), error
    assert codes <= {0, NOT_PYTHON, NO_SUCH}


def test_no_such_folder(start: Started, pysnap_binary: Path, tmp_path: Path) -> None:
    process = start.python()
    check_refused(attach(pysnap_binary, process.pid, tmp_path / "none" / "x.pb"), CANNOT_WRITE)


@as_root
def test_unwritable_folder(start: Started, public_binary: Path, tmp_path: Path) -> None:
    process = start.python(user=NOBODY)
    folder = public_binary.parent / "closed"
    folder.mkdir(mode=0o755, exist_ok=True)
    result = attach(public_binary, process.pid, folder / "x.pb", preexec_fn=become(NOBODY))
    check_refused(result, CANNOT_WRITE, "Permission denied")
    check_nothing_written(folder)


def test_our_own_process_without_root(start: Started, public_binary: Path) -> None:
    if os.geteuid() == 0 and Path("/proc/sys/kernel/yama/ptrace_scope").exists():
        pytest.skip("Yama forbids it here")
    user = NOBODY if os.geteuid() == 0 else None
    process = start.python(user=user)
    output = public_binary.parent / "open"
    output.mkdir(exist_ok=True)
    output.chmod(0o777)
    result = attach(public_binary, process.pid, output / "x.pb", preexec_fn=become(user))
    assert result.returncode == 0, result.stderr
    assert (output / "x.pb").stat().st_mode & 0o777 == 0o600


def test_file_size_limit(start: Started, pysnap_binary: Path, tmp_path: Path) -> None:
    process = start.python(LARGE)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    check_refused(attach(pysnap_binary, process.pid, tmp_path / "x.pb", preexec_fn=limit), CANNOT_WRITE)
    check_nothing_written(tmp_path)


@as_root
def test_full_disk(start: Started, pysnap_binary: Path, tmp_path: Path) -> None:
    process = start.python(LARGE)
    disk = tmp_path / "disk"
    disk.mkdir()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"tmpfs", str(disk).encode(), b"tmpfs", 0, b"size=8k") != 0:
        pytest.skip("nothing can be mounted here: " + os.strerror(ctypes.get_errno()))
    try:
        check_refused(attach(pysnap_binary, process.pid, disk / "x.pb"), CANNOT_WRITE, "No space left")
        check_nothing_written(disk)
    finally:
        libc.umount2(str(disk).encode(), 2)


def test_a_stopped_process_stays_stopped(start: Started, pysnap_binary: Path, tmp_path: Path) -> None:
    process = start.python()
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED)
    assert attach(pysnap_binary, process.pid, tmp_path / "x.pb").returncode == 0
    status = Path(f"/proc/{process.pid}/status").read_text()
    assert "State:\tT (stopped)" in status
    process.send_signal(signal.SIGCONT)
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait() == 0

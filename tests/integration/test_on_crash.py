"""on-crash: each way in which a program starts and dies, compared with the same program without pysnap.

The oracle of an exception is the traceback that Python itself prints in the bare run.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Optional

import pytest
from support_py.interpreters import Interpreter, leave_to_full_run
from support_py.refusing import refuse_perf_events

# What all programs share: three frames, one of them with a finally block that runs while the exception passes.
FRAMES = """
def inner(number):
    local0 = 21
    raise ValueError("bad", number)

def outer(number):
    held = {"number": number}
    try:
        inner(number + 1)
    finally:
        held["cleaned"] = True

"""


@dataclass(frozen=True)
class Case:
    """A program, and what has to be known of its end."""

    source: str
    # What the snapshot is of: an exception's type, a signal's name, or None for no snapshot.
    crash: Optional[str] = None
    arguments: tuple[str, ...] = ()
    # How it is started: a file, -c, -m, stdin, a zip file.
    start: str = "file"
    # Whether Python prints the traceback that the snapshot must have.
    printed: bool = True
    options: tuple[str, ...] = ()
    snapshots: int = 1
    since: int = 8  # the first minor version that has it
    thread: str = ""
    # The interpreter's end has begun, where the main thread has no frames any more.
    ended: bool = False
    check: Optional[Callable[[dict[str, Any]], None]] = field(default=None, compare=False)


def call(line: str) -> str:
    return FRAMES + line + "\n"


THREAD = (
    "import threading\nthread = threading.Thread(target=outer, args=(1,), name='worker')\nthread.start()\nthread.join()"
)
RAW_THREAD = """
import _thread, time
done = _thread.allocate_lock()
done.acquire()
class Done:
    def __del__(self):
        done.release()
def start(number, last):
    outer(number)
_thread.start_new_thread(start, (1, Done()))
done.acquire()
"""
# Tasks whose exception nobody asks for, and what they are started with.
ASYNCIO = """
import asyncio, gc

async def work(number):
    outer(number)

def fail(make, count=1):
    async def main():
        tasks = [make(work(1)) for _ in range(count)]
        while not all(task.done() for task in tasks):
            await asyncio.sleep(0)
        return tasks
    return main()

"""
NEVER_RETRIEVED = "asyncio.run(fail(asyncio.ensure_future))\ngc.collect()\nprint('on')"
NO_MEMORY = "import sys\n" + call("def big():\n    return bytearray(1 << 62)\nbig()")


def python_frames(thread: dict[str, Any]) -> list[dict[str, Any]]:
    return [frame for frame in thread["frames"] if frame["kind"] == "python"]


def check_locals(snapshot: dict[str, Any]) -> None:
    frames = {frame["function"]: frame for frame in snapshot["exception"]["frames"]}
    assert frames["inner"]["locals"]["local0"]["repr"] == "21"
    assert frames["inner"]["locals"]["number"]["repr"] == "2"
    assert frames["outer"]["locals"]["held"]["repr"] == "{'number': 1, 'cleaned': True}"


def check_fault(snapshot: dict[str, Any]) -> None:
    assert snapshot["reason"]["fault_address"] == "0x0"
    assert snapshot["threads"][0]["native_id"] == snapshot["reason"]["native_id"]
    frames = snapshot["threads"][0]["frames"]
    crash = next(frame for frame in frames if frame["function"] == "crash")
    assert crash["locals"]["kept"]["repr"] == "[1, 2, 3]"
    # What it called runs in native code, which is where the fault is.
    assert frames.index(crash) < len(frames) - 1 and frames[-1]["kind"] == "native"


def check_exit(snapshot: dict[str, Any]) -> None:
    """SystemExit passes PyErr_PrintEx up to 3.13.0 (Python/pythonrun.c), and later nothing but Py_FinalizeEx."""
    if tuple(map(int, snapshot["process"]["python"].split("."))) > (3, 13, 0):
        assert snapshot["exception"] is None
    else:
        frames = [frame for frame in snapshot["exception"]["frames"] if frame["module"] == "__main__"]
        assert [frame["function"] for frame in frames] == ["<module>", "leave"]
        assert frames[-1]["locals"]["kept"]["repr"] == "[1, 2]"


def check_no_exception(snapshot: dict[str, Any]) -> None:
    """With -m, SystemExit does not come to be printed (pymain_run_module, Modules/main.c)."""
    assert snapshot["exception"] is None


def check_exit_with_threads(snapshot: dict[str, Any]) -> None:
    check_exit(snapshot)
    other = next(thread for thread in snapshot["threads"] if thread["name"] == "other")
    assert any(frame["function"] == "wait_for" for frame in other["frames"])


LEAVE = "import sys\ndef leave(code):\n    kept = [1, 2]\n    raise SystemExit(code)\n"
OTHER_THREAD = """
import threading
stop, waiting = threading.Event(), threading.Event()
def wait_for(event):
    waiting.set()
    event.wait()
threading.Thread(target=wait_for, args=(stop,), name="other", daemon=True).start()
waiting.wait()
"""


def check_fault_in_thread(snapshot: dict[str, Any]) -> None:
    assert snapshot["reason"]["fault_address"] == "0x0"
    assert snapshot["threads"][0]["native_id"] != snapshot["reason"]["native_id"]
    thread = next(t for t in snapshot["threads"] if t["native_id"] == snapshot["reason"]["native_id"])
    assert any(frame["function"] == "crash" for frame in thread["frames"])


CRASH = "def crash(function, *arguments):\n    kept = [1, 2, 3]\n    return function(*arguments)\n"

CASES: dict[str, Case] = {
    # ---- unhandled exceptions
    "file": Case(call("outer(1)"), "ValueError", check=check_locals),
    "command": Case(call("outer(1)"), "ValueError", start="-c", check=check_locals),
    "module": Case(call("outer(1)"), "ValueError", start="-m", check=check_locals),
    "stdin": Case(call("outer(1)"), "ValueError", start="stdin", check=check_locals),
    "zip": Case(call("outer(1)"), "ValueError", start="zip", check=check_locals),
    "dev": Case(call("outer(1)"), "ValueError", arguments=("-X", "dev"), check=check_locals),
    "runpy": Case("import runpy, sys\nrunpy.run_path(sys.argv[1])", "ValueError", start="runpy", check=check_locals),
    "builtin": Case("def divide(a, b):\n    return a / b\ndivide(1, 0)", "ZeroDivisionError"),
    "from a C function": Case("def convert(text):\n    return int(text)\nconvert('x1')", "ValueError"),
    "os error": Case("open('/nonexistent/file')", "FileNotFoundError"),
    "key error": Case("{}['missing', 2]", "KeyError"),
    "unicode error": Case("b'abc\\xff'.decode('ascii')", "UnicodeDecodeError"),
    "stop iteration": Case("next(iter(()))", "StopIteration"),
    "assertion": Case("assert not 'so'", "AssertionError"),
    "chain": Case(
        call("try:\n    outer(1)\nexcept ValueError as error:\n    raise RuntimeError('later') from error"),
        "RuntimeError",
    ),
    "context": Case(call("try:\n    outer(1)\nexcept ValueError:\n    {}['key']"), "KeyError"),
    "own class": Case(
        "class Own(Exception):\n    def __init__(self, a, b):\n        self.a = a\n        self.b = b\nraise Own(1, 2)",
        "Own",
    ),
    "group": Case("raise ExceptionGroup('all', [ValueError(1), TypeError(2)])", "ExceptionGroup", since=11),
    "syntax": Case("import sys\nsys.argv\nexec('x = = 1')", "SyntaxError"),
    "syntax of the file": Case("x = = 1\n", "SyntaxError", printed=False),
    "import": Case("import no_such_module_anywhere", "ModuleNotFoundError"),
    "recursion": Case("def down(n):\n    return down(n + 1)\ndown(0)", "RecursionError", printed=False),
    "memory": Case(NO_MEMORY, "MemoryError"),
    "keyboard interrupt": Case(call("raise KeyboardInterrupt"), "KeyboardInterrupt"),
    "interrupted": Case(
        "import os, signal, time\ndef wait():\n    os.kill(os.getpid(), signal.SIGINT)\n    time.sleep(60)\nwait()",
        "KeyboardInterrupt",
        printed=False,
    ),
    "asyncio": Case(call("import asyncio\nasync def main():\n    outer(1)\nasyncio.run(main())"), "ValueError"),
    "context manager": Case(
        call(
            "import contextlib\n@contextlib.contextmanager\ndef managed():\n    try:\n        yield 1\n"
            "    finally:\n        len([])\nwith managed() as got:\n    outer(got)"
        ),
        "ValueError",
        check=check_locals,
    ),
    "hook replaced": Case(
        call("import sys\nsys.excepthook = lambda *_: print('mine')\nouter(1)"),
        "ValueError",
        printed=False,
        check=check_locals,
    ),
    "hook deleted": Case(call("import sys\ndel sys.excepthook\nouter(1)"), "ValueError", check=check_locals),
    "interactive": Case(call("outer(1)"), "ValueError", arguments=("-i",), check=check_locals),
    "class body": Case(call("class Body:\n    outer(1)"), "ValueError", check=check_locals),
    # ---- threads
    "thread": Case(call(THREAD), "ValueError", thread="worker", check=check_locals),
    "thread, hook replaced": Case(
        call("import threading\nthreading.excepthook = lambda args: print('mine')\n" + THREAD),
        "ValueError",
        printed=False,
        thread="worker",
        check=check_locals,
    ),
    "raw thread": Case(call(RAW_THREAD), "ValueError", printed=False, check=check_locals),
    "many threads": Case(
        call(
            "import threading\nthreads = [threading.Thread(target=outer, args=(1,)) for _ in range(5)]\n"
            "[t.start() for t in threads]\n[t.join() for t in threads]"
        ),
        "ValueError",
        printed=False,
        snapshots=5,
    ),
    # ---- asyncio, where nobody asks for the exception
    "task": Case(call(ASYNCIO + NEVER_RETRIEVED), "ValueError", check=check_locals),
    "task, subclass": Case(
        call(
            ASYNCIO
            + "class Mine(asyncio.Task):\n    pass\n"
            + "asyncio.run(fail(lambda work: Mine(work, loop=asyncio.get_running_loop())))"
        ),
        "ValueError",
        check=check_locals,
    ),
    "future": Case(
        "import asyncio\nasync def main():\n"
        "    asyncio.get_running_loop().create_future().set_exception(KeyError('key'))\n"
        "    print('on')\nasyncio.run(main())",
        "KeyError",
        printed=False,
    ),
    "tasks in a cycle": Case(
        call(
            ASYNCIO
            + "gc.disable()\ntasks = asyncio.run(fail(asyncio.ensure_future, 3))\n"
            + "tasks.append(tasks)\ndel tasks\nprint('collecting', flush=True)\ngc.collect()\nprint('on')"
        ),
        "ValueError",
        printed=False,
        snapshots=3,
        check=check_locals,
    ),
    "task that frees one": Case(
        call(
            ASYNCIO
            + "async def hold(task):\n    await asyncio.wait([task])\n    raise KeyError('holder')\n"
            + "async def main():\n    task = asyncio.ensure_future(work(1))\n"
            + "    await asyncio.wait([asyncio.ensure_future(hold(task))])\n"
            + "asyncio.run(main())\ngc.collect()"
        ),
        "KeyError ValueError",
        printed=False,
        snapshots=2,
    ),
    "task in a thread": Case(
        call(
            ASYNCIO
            + "import threading\ndef run():\n    asyncio.run(fail(asyncio.ensure_future))\n    gc.collect()\n"
            + "thread = threading.Thread(target=run, name='worker')\nthread.start()\nthread.join()"
        ),
        "ValueError",
        thread="worker",
        check=check_locals,
    ),
    "asyncio, loaded by a thread": Case(
        call(
            "import threading\ndef run():\n"
            + "".join(f"    {line}\n" for line in (ASYNCIO + NEVER_RETRIEVED).splitlines())
            + "threads = [threading.Thread(target=run, name='worker') for _ in range(1)]\n"
            + "[t.start() for t in threads]\n[t.join() for t in threads]\n"
        ),
        "ValueError",
        thread="worker",
        check=check_locals,
    ),
    "task and thread": Case(
        call(ASYNCIO + NEVER_RETRIEVED + "\n" + THREAD), "ValueError", printed=False, snapshots=2, check=check_locals
    ),
    "task, then the program": Case(
        call(ASYNCIO + NEVER_RETRIEVED + "\nouter(1)"), "ValueError", printed=False, snapshots=2, check=check_locals
    ),
    # Collected when the interpreter ends, where no thread state has a frame any more.
    "task, to the end": Case(
        call(ASYNCIO + "kept = asyncio.run(fail(asyncio.ensure_future))\nprint('on')"),
        "ValueError",
        printed=False,
        check=check_locals,
    ),
    "task, retrieved": Case(
        call(ASYNCIO + "async def main():\n    print(await asyncio.gather(work(1), return_exceptions=True))\n")
        + "asyncio.run(main())"
    ),
    "task, cancelled": Case(
        "import asyncio\nasync def main():\n    asyncio.ensure_future(asyncio.sleep(60))\n"
        "    await asyncio.sleep(0)\nasyncio.run(main())\nprint('on')"
    ),
    # asyncio.tasks._PyTask has no C code of its own.
    "task in pure Python": Case(
        call(
            ASYNCIO
            + "def make(work):\n    return asyncio.tasks._PyTask(work, loop=asyncio.get_running_loop())\n"
            + "asyncio.run(fail(make))\nprint('on')"
        )
    ),
    "thread exits": Case("import sys, threading\nt = threading.Thread(target=sys.exit)\nt.start()\nt.join()"),
    # ---- no crashes
    "clean": Case("print('fine')"),
    "exit": Case("import sys\nsys.exit(3)"),
    "exit with a text": Case("import sys\nsys.exit('sorry')"),
    "exit, subclass": Case("class Mine(SystemExit): pass\nraise Mine(4)"),
    "exit in a function": Case(call("def leave():\n    raise SystemExit\nleave()")),
    "caught": Case(call("import traceback\ntry:\n    outer(1)\nexcept ValueError:\n    traceback.print_exc()")),
    "ignored in __del__": Case(
        "class Bad:\n    def __del__(self):\n        raise ValueError('ignored')\nb = Bad()\ndel b\nprint('on')"
    ),
    "ignored in a weakref's callback": Case(
        "import weakref\nclass Plain: pass\ndef fail(_):\n    raise ValueError('ignored')\n"
        "plain = Plain()\nref = weakref.ref(plain, fail)\ndel plain\nprint('on')"
    ),
    "ignored at exit": Case(call("import atexit\natexit.register(outer, 1)")),
    "exit at exit": Case("import atexit, sys\natexit.register(sys.exit, 3)"),
    "hook called by the program": Case(
        call("import sys\ntry:\n    outer(1)\nexcept ValueError:\n    sys.excepthook(*sys.exc_info())")
    ),
    "caught in a future": Case(
        call(
            "import concurrent.futures\nwith concurrent.futures.ThreadPoolExecutor(1) as pool:\n"
            "    print(repr(pool.submit(outer, 1).exception()))"
        )
    ),
    "logged": Case(call("import logging\ntry:\n    outer(1)\nexcept ValueError:\n    logging.exception('seen')")),
    "_exit": Case("import os\nos._exit(3)"),
    "handled signal": Case(
        "import os, signal\nsignal.signal(signal.SIGTERM, lambda *_: print('got it'))\n"
        "os.kill(os.getpid(), signal.SIGTERM)"
    ),
    "handled fault": Case(
        "import os, signal\nsignal.signal(signal.SIGSEGV, lambda *_: print('got it'))\n"
        "os.kill(os.getpid(), signal.SIGSEGV)"
    ),
    "child": Case("import subprocess, sys\nprint(subprocess.run([sys.executable, '-c', '1/0']).returncode)"),
    "forked child": Case(
        "import os, sys\nif os.fork() == 0:\n    1/0\npid, status = os.wait()\nprint(pid > 0, status)\n"
    ),
    "struct sequences": Case("import time\nfor i in range(1000):\n    time.struct_time(range(9))\nprint('done')"),
    # ---- deaths
    "null pointer": Case(CRASH + "import ctypes\ncrash(ctypes.string_at, 0)", "SIGSEGV", check=check_fault),
    "null pointer, faulthandler": Case(
        "import faulthandler\nfaulthandler.enable()\n" + CRASH + "import ctypes\ncrash(ctypes.string_at, 0)",
        "SIGSEGV",
        printed=False,
        check=check_fault,
    ),
    "null pointer in a thread": Case(
        CRASH + "import ctypes, threading\n"
        "thread = threading.Thread(target=crash, args=(ctypes.string_at, 0))\nthread.start()\nthread.join()",
        "SIGSEGV",
        check=check_fault_in_thread,
    ),
    "stack overflow": Case(CRASH + "import faulthandler\ncrash(faulthandler._stack_overflow)", "SIGSEGV"),
    "stack overflow, faulthandler": Case(
        "import faulthandler\nfaulthandler.enable()\n" + CRASH + "crash(faulthandler._stack_overflow)",
        "SIGSEGV",
        printed=False,
    ),
    "user signal": Case("import os, signal\nos.kill(os.getpid(), signal.SIGUSR1)", "SIGUSR1"),
    "_exit in a thread": Case(
        "import os, threading\nthread = threading.Thread(target=os._exit, args=(3,))\nthread.start()\nthread.join()",
        "exit 3",
        options=("--all-exits",),
    ),
    "abort": Case("import os\nos.abort()", "SIGABRT"),
    "fatal error": Case("import ctypes\nctypes.pythonapi.Py_FatalError(b'told to')", "SIGABRT", printed=False),
    "kill": Case("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
    "term": Case("import os, signal\nos.kill(os.getpid(), signal.SIGTERM)", "SIGTERM"),
    "bus": Case("import os, signal\nos.kill(os.getpid(), signal.SIGBUS)", "SIGBUS"),
    "float": Case("import faulthandler\nfaulthandler._sigfpe()", "SIGFPE"),
    "killed with threads": Case(
        "import os, signal, threading\nstop = threading.Event()\n"
        "for i in range(5):\n    threading.Thread(target=stop.wait, daemon=True).start()\n"
        "os.kill(os.getpid(), signal.SIGKILL)",
        "SIGKILL",
    ),
    "any exit": Case("import os\nos._exit(3)", "exit 3", options=("--all-exits",)),
    "any exit, with a thread": Case(
        LEAVE + OTHER_THREAD + "leave(3)",
        "exit 3",
        options=("--all-exits",),
        ended=True,
        check=check_exit_with_threads,
    ),
    "any exit, with a text": Case(
        LEAVE + "leave('sorry')", "exit 1", options=("--all-exits",), ended=True, check=check_exit
    ),
    "any exit, subclass": Case(
        LEAVE.replace("SystemExit", "Mine") + "class Mine(SystemExit):\n    pass\nleave(4)",
        "exit 4",
        options=("--all-exits",),
        ended=True,
        check=check_exit,
    ),
    "any exit, of a module": Case(
        LEAVE + "leave(5)", "exit 5", start="-m", options=("--all-exits",), ended=True, check=check_no_exception
    ),
    "any exit, no exception": Case("", "exit 2", arguments=("no-such-file.py",), options=("--all-exits",), ended=True),
    "any exit, which is none": Case("print('fine')", options=("--all-exits",)),
    "any exit, of code 0": Case(LEAVE + OTHER_THREAD + "leave(0)", options=("--all-exits",)),
    "any exit, caught": Case(
        LEAVE + "try:\n    leave(3)\nexcept SystemExit as exit:\n    print(exit.code)", options=("--all-exits",)
    ),
    "any exit, after an exception": Case(call("outer(1)"), "ValueError", options=("--all-exits",)),
}


class Run:
    """One case, started bare and under on-crash in folders of their own."""

    def __init__(
        self,
        python: Interpreter,
        pysnap: Path,
        case: Case,
        folder: Path,
        restrict: Optional[Callable[[], None]] = None,
    ) -> None:
        self.python, self.case = python, case
        self._restrict = restrict
        self.bare = self._run([], folder / "bare")
        self.out = folder / "snapshots"
        self.out.mkdir()
        command = [str(pysnap), "on-crash", *case.options, "-o", str(self.out), "--"]
        self.watched = self._run(command, folder / "watched")
        # In the order in which they were taken: the names begin with the time.
        self.files = sorted(self.out.iterdir())
        self.snapshots: list[dict[str, Any]] = []
        for file in self.files:
            shown = subprocess.run([str(pysnap), "show", "--json", str(file)], capture_output=True, check=True)
            self.snapshots.append(json.loads(shown.stdout))

    def _run(self, wrapper: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
        folder.mkdir()
        source, start = self.case.source, self.case.start
        program = folder / "program.py"
        program.write_text(source)
        arguments = {
            "file": ["program.py"],
            "-c": ["-c", source],
            "-m": ["-m", "program"],
            "stdin": [],
            "zip": ["program.zip"],
            "runpy": ["runner.py", "program.py"],
        }[start]
        if start == "zip":
            with zipfile.ZipFile(folder / "program.zip", "w") as archive:
                archive.writestr("__main__.py", source)
        if start == "runpy":
            (folder / "runner.py").write_text(source)
            program.write_text(call("outer(1)"))
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
        return subprocess.run(
            [*wrapper, self.python.path, *self.case.arguments, *arguments],
            cwd=folder,
            env=environment,
            input=source if start == "stdin" else "",
            capture_output=True,
            text=True,
            timeout=120,
            preexec_fn=self._restrict,
        )

    def check_that_nothing_differs(self) -> None:
        assert self.watched.returncode == self.bare.returncode, self.watched.stderr
        assert self.watched.stdout == self.bare.stdout
        lines = self.watched.stderr.splitlines(keepends=True)
        own = [line for line in lines if line.startswith("pysnap: ")]
        assert all(line.startswith("pysnap: wrote ") for line in own), own
        assert len(own) == len(self.files)
        rest = harmless("".join(line for line in lines if line not in own))
        if self.case.snapshots > 1:  # several threads print at once
            assert sorted(rest) == sorted(harmless(self.bare.stderr))
        else:
            assert rest == harmless(self.bare.stderr)


def harmless(text: str) -> str:
    """Without what differs between two runs of a program: its folder, addresses and ids."""
    text = re.sub(r"/[^ \"']*/(bare|watched)/", "", text)
    return re.sub(r"0x[0-9a-f]+|\b\d{4,}\b|Thread-\d", "N", text)


def printed_frames(stderr: str) -> list[tuple[str, int, str]]:
    """File, line and function of the last traceback that Python has printed."""
    last = stderr[stderr.rindex("Traceback (most recent call last):") :]
    # An ExceptionGroup's is indented, and those in it more.
    indent = "  |   " if "+ Exception Group Traceback" in stderr else "  "
    pattern = rf'^{re.escape(indent)}File "(.*)", line (\d+), in (.*)$'
    return [(Path(m[1]).name, int(m[2]), m[3]) for m in re.finditer(pattern, last, re.MULTILINE)]


@pytest.mark.parametrize("name", CASES)
def test_case(name: str, python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    case = CASES[name]
    if python.minor < case.since:
        pytest.skip(f"3.{case.since} has it")
    run = Run(python, pysnap_binary, case, tmp_path)
    run.check_that_nothing_differs()
    assert len(run.snapshots) == (case.snapshots if case.crash else 0)
    for snapshot in run.snapshots:
        check_snapshot(snapshot, case, run)


# Those that depend on breakpoints, and what could be mistaken for them.
BY_REGISTERS = [
    "file",
    "stdin",
    "builtin",
    "chain",
    "hook replaced",
    "thread",
    "thread, hook replaced",
    "raw thread",
    "many threads",
    "task",
    "tasks in a cycle",
    "task in a thread",
    "asyncio, loaded by a thread",
    "task and thread",
    "thread exits",
    "clean",
    "exit",
    "caught",
    "child",
    "forked child",
    "struct sequences",
    "null pointer",
    "killed with threads",
    "any exit",
    "any exit, with a thread",
    "any exit, of code 0",
    "any exit, after an exception",
]


@pytest.mark.parametrize("name", BY_REGISTERS)
def test_case_by_debug_registers(name: str, python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    """Where perf_event_open is refused, as in most containers."""
    leave_to_full_run(python)
    run = Run(python, pysnap_binary, CASES[name], tmp_path, restrict=refuse_perf_events)
    run.check_that_nothing_differs()
    assert len(run.snapshots) == (run.case.snapshots if run.case.crash else 0)
    for snapshot in run.snapshots:
        check_snapshot(snapshot, run.case, run)


def check_snapshot(snapshot: dict[str, Any], case: Case, run: Run) -> None:
    assert case.crash is not None
    reason = snapshot["reason"]
    assert snapshot["capture"]["problems"] == []
    assert snapshot["capture"]["complete"] is True
    if case.crash.startswith("SIG"):
        assert (reason["kind"], reason["signal"]) == ("signal", case.crash)
        assert run.watched.returncode == -signal.Signals[case.crash].value
        assert snapshot["exception"] is None
        assert snapshot["threads"][0]["is_main"] is True
        assert python_frames(snapshot["threads"][0])[0]["function"] == "<module>"
    elif case.crash.startswith("exit "):
        assert (reason["kind"], reason["exit_code"]) == ("exit", int(case.crash[5:]))
        assert run.watched.returncode == int(case.crash[5:])
        assert case.ended or python_frames(snapshot["threads"][0])[0]["function"] == "<module>"
    else:
        assert reason["kind"] == "exception"
        exception = snapshot["exception"]
        assert exception["type"].split(".")[-1] in case.crash.split()
        thread = next(t for t in snapshot["threads"] if t["native_id"] == reason["native_id"])
        assert case.thread in ("", thread["name"])
        if case.printed:
            frames = [(Path(f["file"]).name, f["line"], f["function"]) for f in exception["frames"]]
            printed = printed_frames(run.bare.stderr)
            # A SyntaxError's place is printed like a frame.
            assert frames == printed[: len(frames)] and len(printed) - len(frames) <= (case.crash == "SyntaxError")
            last = [line for line in run.bare.stderr.splitlines() if case.crash in line][-1]
            message = exception["message"]
            if "own" not in case.crash.lower():
                assert not message or message in last or case.crash == "SyntaxError", (message, last)
    if case.check is not None:
        case.check(snapshot)

"""A captured frame goes on from where it stood: what the program prints undisturbed, it comes to."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import List

from support_py.interpreters import Interpreter, leave_to_full_run, leave_to_newest_debug_build
from support_py.rebuild import run_script
from support_py.target import capture, report, run_tool


def is_exit(steps: List[str], call: str) -> bool:
    return steps[int(call.rsplit(" ", 1)[1]) - 1].startswith("('exit'")


def test_every_call_of_every_shape(
    python: Interpreter, pysnap_binary: Path, python_package: Path, tmp_path: Path
) -> None:
    leave_to_full_run(python)
    captured = capture(pysnap_binary, python, "resumed_shapes.py", tmp_path)
    want = captured.oracle["calls"]
    told = json.loads(run_script(python, python_package, "resuming.py", captured.path))
    assert len(want) > 110
    # In 3.8 the instruction that calls an exit method leaves two results.
    in_38 = [call for call in want if python.minor == 8 and not call.startswith("coroutines ")]
    exits = [call for call in in_38 if is_exit(want[call][0][1], call)]
    for call in exits:
        truth = told.pop(call)
        assert all("none that leaves one result" in text for text in truth), truth
        del want[call]
    # What C code would do with the result is not known; from 3.11 on some methods are called without it.
    through_c = [call for call in want if call.startswith("through_c ")]
    refused = [call for call in through_c if all("through C code" in text for text in told[call])]
    assert len(refused) >= 5, [told[call] for call in through_c]
    for call in refused:
        del want[call]
    differences = [
        f"{call} ({how}): {told.get(call, [None, None])[index]!r}, not {truth[index]!r}"
        for call, truth in want.items()
        for index, how in enumerate(("returns", "raises"))
        if told.get(call, [None, None])[index] != truth[index]
    ]
    assert not differences, report(differences)
    # A wrong entry of a stack is seen by the same comparison.
    wrong = json.loads(run_script(python, python_package, "resuming.py", captured.path, "control"))
    changed = [call for call, (returns, _) in wrong.items() if returns != "nothing to change"]
    assert len(changed) > 60
    same = [call for call in changed if call in want and wrong[call][0] == want[call][0]]
    assert len(same) < len(changed) // 4, same


def test_what_does_not_go_on(python: Interpreter, pysnap_binary: Path, python_package: Path, tmp_path: Path) -> None:
    captured = capture(pysnap_binary, python, "resume_refused.py", tmp_path)
    told = json.loads(run_script(python, python_package, "resume_refusing.py", captured.path))
    for what, text in told.items():
        if what.endswith("False") and not what.startswith("variables"):
            assert all(each.startswith("CodeNotRun: ") for each in ([text] if isinstance(text, str) else text)), what
    straight = "straight returned ['got', 'one', b'given']"
    assert told["straight True"] == [straight, straight]
    assert told["variables True"] == "one"
    assert "through C code" in told["in_sorted True"][0]
    assert told["in_sorted True"][1] == "in_sorted returned b'given'"
    assert told["in_class True"][0] == "in_class returned ['Made', 1]"
    assert "through C code" in told["in_list True"][0]
    assert told["in_generator True"][0] == "in_generator returned [b'given', 'next']"
    assert told["generator True"] == "yields yielded b'given'"
    assert "the evaluation stack of in_assignment is not known" in told["in_assignment True"][0]
    assert "the evaluation stack of in_assignment is not known" in told["in_assignment True"][1]
    assert all("is not in the snapshot" in each for each in told["with_absent True"])
    assert all("was not waiting within a call" in each for each in told["spinning True"])
    assert "no frame that a thread was running" in told["raised True"]
    assert told["spinning line True"] == "spinning returned 'spun'"
    # A frame that an exception has left.
    anew, in_loop, behind, unbound, nowhere = told["lines True"]
    assert anew.startswith("raising raised:") and anew.rstrip().endswith("ValueError: over")
    assert "has ended, and what was on its stack is gone" in in_loop
    assert behind == "raising returned [[1], 'later']"
    if python.minor < 12:
        assert unbound.startswith("raising raised:") and "UnboundLocalError" in unbound
    else:
        assert "needs a value of later: assign one first" in unbound
    assert "has no code of raising" in nowhere
    assert "its callers do not wait for it any more" in told["lines in chain True"]
    assert "is part of a handler of an exception, which in_traceback is not in" in told["handler True"]


def test_nothing_grows(python: Interpreter, pysnap_binary: Path, python_package: Path, tmp_path: Path) -> None:
    leave_to_newest_debug_build(python)
    captured = capture(pysnap_binary, python, "resumed_shapes.py", tmp_path)
    wanted = os.environ.get("PYSNAP_RESUMES", "1500" if python.debug else "600")
    count, objects, references, memory = json.loads(
        run_script(python, python_package, "resume_repeated.py", captured.path, wanted)
    )
    assert objects < 20, objects
    assert memory < 2 << 20, memory
    # Debug builds count them, and waver by some hundreds, however often it goes on; one lost each time is more.
    assert references < count / 2, (references, count)


def test_in_the_debugger(python: Interpreter, pysnap_binary: Path, tmp_path: Path) -> None:
    script = tmp_path / "blocked.py"
    script.write_text(BLOCKED)
    process = subprocess.Popen([python.path, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None and process.stdin is not None
        assert process.stdout.readline() == "ready\n"
        while not in_read(process.pid):
            os.sched_yield()
        run_tool(pysnap_binary, "attach", "-o", tmp_path / "blocked.pb", process.pid)
        rest, _ = process.communicate("2\n")
    finally:
        process.kill()
        process.wait()
    assert rest == "twice 4\nall 5\n"
    commands = (
        *("resume", "resume --return '2'", "resume --chain --return '2'", "resume --chain --raise EOFError('no')"),
        *("extra = 10", "resume --chain --return '2'", "resume 3 4", "up", "resume --return 7", "resume --raise 5"),
        *("number = 8", "doubled.append(1)", "resume 16", "resume 100"),
    )
    options = [option for command in commands for option in ("-c", command)]
    output = run_tool(
        pysnap_binary, "replay", "--run-code", *options, "--python", python.path, tmp_path / "blocked.pb"
    ).stdout.decode()
    assert "_resume.py" not in output
    for text in (
        "ask raised:\nTraceback",
        "ask returned 2\n",
        "twice 4\nall 5\n<module> returned None\n",
        "EOFError: no\n",
        "twice 4\nall 14\n<module> returned None\n",
        "usage: resume",
        "twice 14\n<module> raised:",
        "IndexError: list index out of range\n",
        "not an exception: 5",
        "twice 8\nall 9\n<module> returned None\n",
        "line 100 has no code of <module>",
    ):
        assert text in output, f"{text!r} is not in:\n{output}"


def in_read(pid: int) -> bool:
    return Path(f"/proc/{pid}/syscall").read_text().startswith("0 0x0 ")


BLOCKED = """\
import os, sys

print("ready", flush=True)


def ask():
    extra = 1
    value = int(os.read(0, 100))
    doubled.append(extra)
    return value


doubled = []
for factor in [2]:
    number = factor * ask()
    print("twice", number)
print("all", number + doubled[0])
"""

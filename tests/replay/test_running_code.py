"""Captured functions, methods, properties and operators give what those of the program do, where they may run."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import List

from support_py.interpreters import Interpreter, is_newest, one_of_each_minor
from support_py.rebuild import python_environment, run_script
from support_py.target import capture


def test_expressions(python: Interpreter, pysnap_binary: Path, python_package: Path, tmp_path: Path) -> None:
    captured = capture(pysnap_binary, python, "callables.py", tmp_path)
    *have, beyond = json.loads(run_script(python, python_package, "asking.py", captured.path))
    want: List[str] = captured.oracle["told"]
    differences = [f"{number}: {a}, not {b}" for number, (a, b) in enumerate(zip(have, want)) if a != b]
    assert len(have) == len(want) > 40
    assert not differences, "\n".join(differences)
    # Right, or refused with the reason.
    assert beyond == "Item(name='pen', count=1, tags=['t'])" or (
        beyond.startswith("AbsentValue: ") and "of module 'dataclasses' is not recorded" in beyond
    ), beyond


def test_classes_defined_elsewhere(
    python: Interpreter, pysnap_binary: Path, python_package: Path, tmp_path: Path
) -> None:
    """What no captured code names, of enumerations, of the program's other modules and of libraries."""
    captured = capture(pysnap_binary, python, "elsewhere.py", tmp_path)
    looked = json.loads(run_script(python, python_package, "asking_elsewhere.py", captured.path))
    ran = json.loads(run_script(python, python_package, "asking_elsewhere.py", captured.path, "run"))
    for kind in "anywhere", "looking":
        assert looked[kind] == captured.oracle[kind]
    assert ran == {kind: captured.oracle[kind] for kind in ("anywhere", "looking", "running")}
    assert not any("Error" in told for kind in ran.values() for told in kind)
    # Right, or refused with the reason.
    for have, want in zip(looked["running"], captured.oracle["running"]):
        refused = have.startswith("CodeNotRun: ") or (have.startswith("AttributeError: ") and "not followed" in have)
        assert have == want or refused, have
    assert "more names of class statistics.NormalDist" in looked["running"][-1]
    if not is_newest(python):
        return
    for other in one_of_each_minor():
        elsewhere = json.loads(run_script(other, python_package, "asking_elsewhere.py", captured.path))
        assert elsewhere["anywhere"] == captured.oracle["anywhere"], other.tag


def test_functions_far_from_a_frame(
    python: Interpreter, pysnap_binary: Path, python_package: Path, tmp_path: Path
) -> None:
    """What is only reached from function to function: they have the builtins, and the rest of the module found here."""
    modules = tmp_path / "modules"
    modules.mkdir()
    for number in range(1, 7):
        call = f"1 + function{number + 1}(text)" if number < 6 else "1"
        imported = f"from module{number + 1} import function{number + 1}\n" if number < 6 else ""
        body = f"def function{number}(text):\n    return isinstance(text, str) and {call}\n"
        (modules / f"module{number}.py").write_text(imported + body)
    program = tmp_path / "far.py"
    program.write_text(
        "import sys\nfrom module1 import function1\n"
        "def main(text):\n    function1(text)\n    print('{}', flush=True)\n    sys.stdin.readline()\nmain('a')\n"
    )
    environment = python_environment(python_package)
    process = subprocess.Popen(
        [python.path, str(program)],
        env={**environment, "PYTHONPATH": str(modules)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.readline()
    snapshot = tmp_path / "far.pb"
    subprocess.run([str(pysnap_binary), "attach", "--quiet", "-o", str(snapshot), str(process.pid)], check=True)
    process.communicate(b"\n")
    ask = (
        "import pysnap, sys\n"
        "frame = pysnap.load(sys.argv[1], run_code=True).threads[0].frame\n"
        "try:\n    print(frame.f_globals['function1']('a'))\n"
        "except pysnap.AbsentValue as error:\n    print('absent:', error)\n"
    )

    def asked(path: str) -> str:
        command = [python.path, "-c", ask, str(snapshot)]
        return subprocess.run(
            command, env={**environment, "PYTHONPATH": path}, capture_output=True, text=True, check=True
        ).stdout

    alone = environment["PYTHONPATH"]
    assert asked(f"{alone}:{modules}") == "6\n"
    assert asked(alone).startswith("absent: 'function")


def test_generators_go_on(python: Interpreter, pysnap_binary: Path, python_package: Path, tmp_path: Path) -> None:
    """From each point that they are suspended at."""
    captured = capture(pysnap_binary, python, "generators.py", tmp_path)
    driven = dict(json.loads(run_script(python, python_package, "driving.py", captured.path)))
    differences = []
    for name, points in captured.oracle["told"]:
        for number, (want, have) in enumerate(zip(points, driven[name])):
            if have != want:
                differences.append(f"{name} after {number} steps: {have}, not {want}")
        assert len(points) == len(driven[name]) > 0, name
    assert not differences, "\n".join(differences)


def test_looking_runs_nothing(python: Interpreter, pysnap_binary: Path, python_package: Path, tmp_path: Path) -> None:
    """Without --run-code nothing does: neither what loads nor what looks, nor the debugger, nor what frees it all."""
    trace = tmp_path / "trace"
    captured = capture(pysnap_binary, python, "dunders.py", tmp_path, arguments=[str(trace)])
    assert run_script(python, python_package, "looking.py", captured.path) == b"looked\n"
    commands = [
        "up",
        "p objects",
        "pp objects",
        "p kept == loud_local",
        "p objects[1]",
        "args",
        "ll",
        "tasks",
        "threads",
    ]
    options = [option for command in commands for option in ("-c", command)]
    subprocess.run(
        [str(pysnap_binary), "replay", *options, "--python", python.path, str(captured.path)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )
    assert not trace.exists(), trace.read_text()

"""Prints what the expressions of tests/programs/elsewhere.py give in its captured frame.

Arguments: the snapshot, and `run` where its code may. The program's modules are not to be had here.
"""

import json
import sys
from pathlib import Path

PROGRAMS = Path(__file__).resolve().parent.parent / "programs"
sys.path[:] = [folder for folder in sys.path if Path(folder).resolve() != PROGRAMS]

import pysnap  # noqa: E402

snapshot = pysnap.load(sys.argv[1], run_code=sys.argv[2:] == ["run"])
(main,) = [frame for frame in snapshot.threads[0].frames if frame.f_code.co_name == "main"]


def ask(expression):
    try:
        return repr(eval(expression, {}, main.f_locals))
    except Exception as error:
        return f"{type(error).__name__}: {error}"


print(
    json.dumps(
        {kind: [ask(each) for each in main.f_globals[kind.upper()]] for kind in ("anywhere", "looking", "running")}
    )
)

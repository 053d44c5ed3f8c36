"""What `pysnap show --json` and a replay both tell of a task."""

from __future__ import annotations

import math
from typing import Any, Dict

_FACTS = (
    "id",
    "name",
    "state",
    "coroutine",
    "native_id",
    "awaits",
    "awaited_by",
    "library",
    "role",
    "parent",
    "parent_scope",
    "children",
)
_SCOPE_FACTS = ("id", "kind", "varname", "line", "cancelled", "shield", "children")


def told(task: Any) -> Dict[str, Any]:
    """Of a task of `show --json`, what rebuilt.py tells of one of `snap.tasks`."""
    return {
        **{key: task[key] for key in _FACTS},
        "frames": [[frame["function"], frame["line"]] for frame in task["frames"]],
        "locals": [sorted(frame["locals"]) for frame in task["frames"]],
        "waits": bool(task["frames"]) and task["frames"][-1]["leaf"] is not None,
        "waits_on": task["waits_on"] is not None,
        "scopes": [
            {
                **{key: scope[key] for key in _SCOPE_FACTS},
                "function": None if scope["frame"] is None else task["frames"][scope["frame"]]["function"],
                "deadline": None if scope["has_deadline"] is None else scope["deadline"] or repr(math.inf),
            }
            for scope in task["scopes"]
        ],
        "scopes_absent": task["scopes_absent"] is not None,
    }

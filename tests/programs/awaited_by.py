"""Prints what CPython 3.14 and later see of another process's tasks: `awaited_by.py PID`."""

import json
import sys

from _remote_debugging import RemoteUnwinder


def line_of(frame):
    return frame.lineno if hasattr(frame, "lineno") else frame.location.lineno


def main():
    tasks = {}
    for thread in RemoteUnwinder(int(sys.argv[1]), all_threads=True).get_all_awaited_by():
        for task in thread.awaited_by:
            frames = [frame for stack in task.coroutine_stack for frame in stack.call_stack]
            tasks[hex(task.task_id)] = {
                "name": task.task_name,
                "frames": [[frame.funcname, line_of(frame)] for frame in reversed(frames)],
                "awaited_by": sorted(hex(stack.task_name) for stack in task.awaited_by),
            }
    print(json.dumps(tasks))


if __name__ == "__main__":
    main()

"""What tools that work in the program itself do with the data of bench_target.py; see scripts/bench.py --peers.

  bench_inprocess.py dump TOOL CASE FILE      prints the milliseconds
  bench_inprocess.py load TOOL FILE           likewise, in an interpreter that has only the file

TOOL is coredumpy, offline-debug, or pickle (of the data alone, without frames).
"""

import pathlib
import pickle
import sys
import time

import bench_target


def hold(data, dump):
    """The frame that is dumped."""
    started = time.perf_counter()
    dump(data)
    return (time.perf_counter() - started) * 1e3


def dumper(tool, file):
    if tool == "coredumpy":
        import coredumpy

        return lambda data: coredumpy.dump(path=file)
    if tool == "offline-debug":
        import offline_debug

        def save(data):
            try:
                raise RuntimeError("for its traceback")
            except RuntimeError as error:
                offline_debug.save_traceback(error, pathlib.Path(file))

        return save

    def write(data):
        with open(file, "wb") as out:
            pickle.dump(data, out, pickle.HIGHEST_PROTOCOL)

    return write


def load(tool, file):
    if tool == "coredumpy":
        from coredumpy.coredumpy import Coredumpy

        return Coredumpy.load_data_from_path(file)
    if tool == "offline-debug":
        import offline_debug

        return offline_debug.load_traceback(pathlib.Path(file), should_raise=False)
    with open(file, "rb") as data:
        return pickle.load(data)


def main():
    sys.setrecursionlimit(50000)
    what, tool = sys.argv[1:3]
    if what == "dump":
        case, file = sys.argv[3:]
        makers = bench_target.MAKERS
        data = {name: make() for name, make in makers.items()} if case == "all" else makers[case]()
        print(hold(data, dumper(tool, file)))
    else:
        started = time.perf_counter()
        loaded = load(tool, sys.argv[3])
        print((time.perf_counter() - started) * 1e3)
        del loaded


if __name__ == "__main__":
    main()

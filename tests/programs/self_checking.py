"""A program that notices when anything disturbs it.

Threads, queues, timers, signals, children, pipes and sockets all check what they do. On each line "ping" of stdin it
prints its counts, which all have gone on since the last time; at the end of stdin it prints its verdict and exits with
42, or with 1 when something was wrong. Runs on CPython 3.8 and later.
"""

import collections
import itertools
import json
import os
import queue
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback

EXIT_CODE = 42
stopping = threading.Event()
failures = []
counts = collections.Counter()
changed = threading.Condition()


def count(what):
    with changed:
        counts[what] += 1
        changed.notify_all()


def checked(function):
    """Runs it again and again in a thread of its own until the end, and keeps the traceback of what it raises."""

    def run():
        try:
            for i in itertools.count():
                if stopping.is_set():
                    break
                function(i)
                count(function.__name__)
        except BaseException:
            failures.append(traceback.format_exc())
            with changed:
                changed.notify_all()

    thread = threading.Thread(target=run, name=function.__name__)
    thread.start()
    return thread


def computing(i):
    total = 0
    for k in range(2000):
        total += k * i
    assert total == i * 1999000, (i, total)


numbers = queue.Queue(maxsize=8)
expected = itertools.count()


def producing(i):
    while not stopping.is_set():
        try:
            numbers.put(i, timeout=0.1)
            break
        except queue.Full:
            pass


def consuming(i):
    while not stopping.is_set():
        try:
            got = numbers.get(timeout=0.1)
        except queue.Empty:
            continue
        assert got == next(expected), got
        return


def sleeping(i):
    begin = time.monotonic()
    time.sleep(0.002)
    assert time.monotonic() - begin >= 0.002


def polling(i):
    """epoll_wait is one of the calls that a tracer's stop interrupts; Python calls it again."""
    reader, writer = os.pipe()
    with select.epoll() as epoll:
        epoll.register(reader, select.EPOLLIN)
        assert epoll.poll(0.001) == []
        os.write(writer, b"x")
        assert epoll.poll(20) == [(reader, select.EPOLLIN)]
    os.close(reader)
    os.close(writer)


def talking(i):
    left, right = socket.socketpair()
    with left, right:
        left.settimeout(0.001)
        try:
            left.recv(1)
            raise AssertionError("nothing was sent")
        except socket.timeout:
            pass
        left.settimeout(20)
        message = b"%d\n" % i * 1000
        sender = threading.Thread(target=right.sendall, args=(message,))
        sender.start()
        received = b""
        while len(received) < len(message):
            received += left.recv(65536)
        sender.join()
        assert received == message


def begetting(i):
    """A child's output and exit code, or its end by a signal, arrive unchanged."""
    if i % 2:
        child = subprocess.run(
            ["/bin/sh", "-c", "read line; echo got $line; exit 7"],
            input=b"%d\n" % i,
            capture_output=True,
        )
        assert (child.returncode, child.stdout, child.stderr) == (7, b"got %d\n" % i, b""), child
    else:
        child = subprocess.run(["/bin/sh", "-c", "kill -TERM $$"], capture_output=True)
        assert (child.returncode, child.stdout, child.stderr) == (-signal.SIGTERM, b"", b""), child


handled = collections.Counter()


def handler(number, frame):
    handled[number] += 1


def signalling(i):
    """Each signal is handled before the next is sent, so that none may be missing and none merged."""
    before = handled[signal.SIGUSR1]
    os.kill(os.getpid(), signal.SIGUSR1)
    deadline = time.monotonic() + 20
    while handled[signal.SIGUSR1] == before:
        assert time.monotonic() < deadline, "a signal was lost"
        time.sleep(0)
    assert handled[signal.SIGUSR1] == before + 1, "a signal came twice"


def ticking(i):
    before = handled[signal.SIGALRM]
    deadline = time.monotonic() + 20
    while handled[signal.SIGALRM] == before:
        assert time.monotonic() < deadline, "the timer has stopped"
        time.sleep(0.001)


JOBS = [computing, producing, consuming, sleeping, polling, talking, begetting, signalling, ticking]


def all_went_on(before):
    return all(counts[job.__name__] > before[job.__name__] for job in JOBS)


def answer_pings():
    last = collections.Counter()
    for line in sys.stdin:
        assert line == "ping\n", line
        with changed:
            # Everybody has done something since the last ping.
            if not changed.wait_for(lambda before=last: failures or all_went_on(before), 60):
                failures.append(f"stuck: {counts}, at the last ping {last}")
            last = collections.Counter(counts)
        print(json.dumps({"failures": failures, "counts": last}), flush=True)


def main():
    # The end of the first thread loads libgcc_s (pthread_exit), past the breakpoint in the dynamic loader: a watcher
    # that is killed while a thread is there takes the program with it (docs/watched-programs.md).
    first = threading.Thread(target=int)
    first.start()
    first.join()
    signal.signal(signal.SIGUSR1, handler)
    signal.signal(signal.SIGALRM, handler)
    signal.signal(signal.SIGCHLD, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.003, 0.003)
    threads = [checked(job) for job in JOBS]
    print("ready", flush=True)
    try:
        answer_pings()
    except BaseException:
        failures.append(traceback.format_exc())
    stopping.set()
    for thread in threads:
        thread.join(60)
        if thread.is_alive():
            failures.append(f"{thread.name} does not end")
    signal.setitimer(signal.ITIMER_REAL, 0)
    for job in JOBS:
        if not counts[job.__name__]:
            failures.append(f"{job.__name__} did nothing")
    print(json.dumps({"failures": failures, "counts": counts}), flush=True)
    sys.stdout.flush()
    os._exit(1 if failures else EXIT_CODE)


if __name__ == "__main__":
    main()

"""A web server like gunicorn: binds, forks workers, and replaces those that die.

    prefork.py WORKERS      prints its port, and serves until its input ends; prints a line for each replacement

/pid answers with the worker's process id, /thread raises an exception in a thread of the worker, /crash kills it.
"""

import ctypes
import os
import select
import signal
import socket
import sys
import threading


def fail(path):
    raise ValueError(path)


def serve(connection):
    request = b""
    while b"\r\n\r\n" not in request:
        piece = connection.recv(4096)
        if not piece:
            return
        request += piece
    path = request.split()[1].decode()
    if path == "/crash":
        ctypes.string_at(0)
    if path == "/thread":
        thread = threading.Thread(target=fail, args=(path,), name="handler")
        thread.start()
        thread.join()
    connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n%d" % os.getpid())


def start_worker(listener):
    pid = os.fork()
    if pid == 0:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        while True:
            connection, _ = listener.accept()
            with connection:
                serve(connection)
    return pid


def main(count):
    listener = socket.create_server(("127.0.0.1", 0))
    woken, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    workers = {start_worker(listener) for _ in range(count)}
    print(listener.getsockname()[1], flush=True)
    while True:
        ready, _, _ = select.select([sys.stdin, woken], [], [])
        if sys.stdin in ready:
            break
        os.read(woken, 4096)
        for pid in list(workers):
            if os.waitpid(pid, os.WNOHANG)[0] != 0:
                workers.remove(pid)
                workers.add(start_worker(listener))
                print("replaced", pid, flush=True)
    for pid in workers:
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main(int(sys.argv[1]))

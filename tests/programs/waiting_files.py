"""Threads that wait for descriptors of every kind. Prints what is behind each of them, by the thread's name."""

import json
import os
import select
import socket
import sys
import tempfile
import threading
import time

EXPECTED = {}  # by the name of a thread: its files as show --json has them, without what is null
THREADS = []
KEPT = []


def tell(facts):
    os.write(1, json.dumps(facts).encode() + b"\n")


def start(name, function, *arguments):
    thread = threading.Thread(target=function, args=arguments, name=name, daemon=True)
    THREADS.append(thread)
    thread.start()


def are_blocked():
    """Whether all threads have stood still while we looked twice."""

    def places():
        found = []
        for thread in THREADS:
            with open("/proc/self/task/%d/syscall" % thread.native_id) as file:
                found.append(file.read())
        return found

    before = places()
    time.sleep(0.05)
    return before == places() and not any(place.startswith("running") for place in before)


def address_text(address):
    if isinstance(address, bytes):
        return address.decode()
    if isinstance(address, str):
        return address or None
    return ("[%s]:%d" if ":" in address[0] else "%s:%d") % address[:2]


def socket_facts(sock):
    try:
        peer = address_text(sock.getpeername())
    except OSError:
        peer = None
    return {
        "fd": sock.fileno(),
        "kind": "socket",
        "socket": {
            "family": socket.AddressFamily(sock.family).name,
            "type": socket.SocketKind(sock.type).name,
            "protocol": sock.getsockopt(socket.SOL_SOCKET, 38),  # SO_PROTOCOL
            "listening": bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)),
            "address": address_text(sock.getsockname()),
            "peer": peer,
        },
    }


def pipe_facts(fd, other):
    return {"fd": fd, "kind": "pipe", "other_ends": [[os.getpid(), other]]}


def registered(facts, epoll, *events):
    return dict(facts, epoll=epoll.fileno(), events=list(events))


def kept(value):
    KEPT.append(value)
    return value


def poll_for(*fds):
    poll = select.poll()
    for fd in fds:
        poll.register(fd, select.POLLIN)
    poll.poll()


def sockets(folder):
    listening = kept(socket.socket())
    listening.bind(("127.0.0.1", 0))
    listening.listen(1)
    EXPECTED["accepts"] = [socket_facts(listening)]
    client = kept(socket.create_connection(listening.getsockname()))
    server = kept(listening.accept()[0])
    start("accepts", listening.accept)
    start("receives", server.recv, 1)
    EXPECTED["receives"] = [socket_facts(server)]
    start("selects", select.select, [client], [], [])
    EXPECTED["selects"] = [socket_facts(client)]
    near, far = kept(socket.socketpair())
    start("pair", near.recv, 1)
    EXPECTED["pair"] = [socket_facts(near)]
    unix = kept(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
    unix.bind(os.path.join(folder, "a socket"))
    start("unix", unix.recv, 1)
    EXPECTED["unix"] = [socket_facts(unix)]
    abstract = kept(socket.socket(socket.AF_UNIX))
    abstract.bind("\0pysnap-test-%d" % os.getpid())
    abstract.listen(1)
    start("abstract", abstract.accept)
    EXPECTED["abstract"] = [socket_facts(abstract)]
    try:
        six = kept(socket.socket(socket.AF_INET6, socket.SOCK_DGRAM))
        six.bind(("::1", 0))
    except OSError:
        return
    start("six", six.recv, 1)
    EXPECTED["six"] = [socket_facts(six)]


def pipes(folder):
    read, write = os.pipe()
    start("pipe", os.read, read, 1)
    EXPECTED["pipe"] = [pipe_facts(read, write)]
    path = os.path.join(folder, "a fifo")
    os.mkfifo(path)
    both = os.open(path, os.O_RDWR)
    only = os.open(path, os.O_RDONLY)
    start("fifo", os.read, only, 1)
    EXPECTED["fifo"] = [dict(pipe_facts(only, both), path=path)]
    deleted = os.path.join(folder, "deleted")
    os.mkfifo(deleted)
    fd = os.open(deleted, os.O_RDWR)
    os.unlink(deleted)
    start("deleted", os.read, fd, 1)
    EXPECTED["deleted"] = [dict(pipe_facts(fd, fd), path=deleted, deleted=True)]
    master, slave = os.openpty()
    start("terminal", os.read, slave, 1)
    EXPECTED["terminal"] = [{"fd": slave, "kind": "character device", "path": os.ttyname(slave)}]
    start("polls", poll_for, read, slave)
    EXPECTED["polls"] = EXPECTED["pipe"] + EXPECTED["terminal"]
    KEPT.append(master)


def epolls():
    inner, outer = kept(select.epoll()), kept(select.epoll())
    near, far = kept(socket.socketpair())
    inner.register(near, select.EPOLLIN)
    outer.register(inner, select.EPOLLIN)
    read, write = os.pipe()
    outer.register(read, select.EPOLLIN | select.EPOLLET)
    # It stays registered under a number that is another file's by now, or nobody's.
    for name, number in ("reused", 500), ("closed", 501):
        ends = os.pipe()
        os.dup2(ends[0], number)
        outer.register(number, select.EPOLLIN)
        os.close(number)
        EXPECTED[name] = number
    os.dup2(0, EXPECTED["reused"])
    start("epoll", outer.poll)
    EXPECTED["epoll"] = [
        {"fd": outer.fileno(), "kind": "epoll"},
        registered({"fd": inner.fileno(), "kind": "epoll"}, outer, "EPOLLIN", "EPOLLERR", "EPOLLHUP"),
        registered(pipe_facts(read, write), outer, "EPOLLIN", "EPOLLERR", "EPOLLHUP", "EPOLLET"),
        registered(socket_facts(near), inner, "EPOLLIN", "EPOLLERR", "EPOLLHUP"),
    ]
    if hasattr(os, "pidfd_open"):
        fd = os.pidfd_open(os.getpid())
        start("pidfd", poll_for, fd)
        with open("/proc/self/comm") as file:
            process = {"pid": os.getpid(), "program": file.read().rstrip("\n"), "ended": False}
        EXPECTED["pidfd"] = [{"fd": fd, "kind": "pidfd", "process": process}]
    if hasattr(os, "eventfd"):
        fd = os.eventfd(0)
        start("eventfd", os.read, fd, 8)
        EXPECTED["eventfd"] = [{"fd": fd, "kind": "eventfd"}]


def many():
    """More than are looked at while the program stands still."""
    epoll = kept(select.epoll())
    ends = os.pipe()
    for _ in range(200):
        epoll.register(os.dup(ends[0]), select.EPOLLIN)
    start("many", epoll.poll)
    start("polls", poll_for, *(os.dup(ends[0]) for _ in range(100)))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        if sys.argv[1:] == ["many"]:
            many()
        else:
            sockets(folder)
            pipes(folder)
            epolls()
        while not are_blocked():
            time.sleep(0.01)
        if sys.argv[1:] == ["fails"]:
            print("listening on", EXPECTED["accepts"][0]["socket"]["address"], flush=True)
            raise ZeroDivisionError
        tell({"ready": True, "pid": os.getpid()})
        sys.stdin.readline()
    tell(EXPECTED)
    tell({"done": []})
    os._exit(0)

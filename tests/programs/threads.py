"""Threads parked in every way a thread waits, with names of every kind."""

import os
import queue
import select
import socket
import subprocess
import sys
import threading
import time

import oracle
from oracle import arrive, park

suite = oracle.Suite()
shape = suite.shape
held = threading.Lock()
held.acquire()
held_rlock = threading.RLock()
held_rlock.acquire()
event = threading.Event()
condition = threading.Condition()
barrier = threading.Barrier(2)
wake_read, wake_write = os.pipe()
left, right = socket.socketpair()
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(1)
empty_queue = queue.Queue()
simple_queue = queue.SimpleQueue() if hasattr(queue, "SimpleQueue") else empty_queue
child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)


@shape(elsewhere=True)
def in_lock():
    local = "waiting for a lock"
    arrive()
    with held:
        assert local


@shape(elsewhere=True)
def in_lock_with_timeout():
    arrive()
    assert held.acquire(timeout=1000)
    held.release()


@shape(elsewhere=True)
def in_rlock():
    arrive()
    with held_rlock:
        pass


@shape(elsewhere=True)
def in_event():
    arrive()
    assert event.wait(1000)


@shape(elsewhere=True)
def in_condition():
    with condition:
        arrive()
        assert condition.wait_for(event.is_set, 1000)


@shape(elsewhere=True)
def in_queue():
    arrive()
    assert empty_queue.get() == "item"


@shape(elsewhere=True)
def in_simple_queue():
    arrive()
    assert simple_queue.get() == "item"


@shape(elsewhere=True)
def in_join():
    arrive()
    suite.shapes[0].thread.join(1000)


@shape(elsewhere=True)
def in_barrier():
    arrive()
    barrier.wait(1000)


@shape(elsewhere=True)
def in_select():
    arrive()
    readable, _, _ = select.select([wake_read], [], [])
    assert readable


@shape(elsewhere=True)
def in_poll():
    poll = select.poll()
    poll.register(wake_read, select.POLLIN)
    arrive()
    assert poll.poll()


@shape(elsewhere=True)
def in_epoll():
    epoll = select.epoll()
    epoll.register(wake_read, select.EPOLLIN)
    arrive()
    assert epoll.poll()


@shape(elsewhere=True)
def in_recv():
    arrive()
    assert left.recv(4) == b"data"


@shape(elsewhere=True)
def in_accept():
    arrive()
    listener.accept()[0].close()


@shape(elsewhere=True)
def in_wait_for_child():
    arrive()
    assert child.wait() == 0


@shape
def in_read():
    park()


class Sleeper(threading.Thread):
    def run(self):
        arrive()
        time.sleep(1000000)


class SubclassedThread(threading.Thread):
    def __init__(self):
        super().__init__(name="subclassed", daemon=True)
        self.own = "attribute"

    def run(self):
        depth = 2
        park()
        assert depth


@shape
def starts_unlisted_threads():
    import _thread

    SubclassedThread().start()
    sleeper = Sleeper(name="sleeps for ever", daemon=True)
    sleeper.start()
    raw = _thread.start_new_thread(raw_thread, ("argument",))
    park()
    return raw


def raw_thread(argument):
    local = [argument]
    park()
    return local


@shape(name="renamed later")
def renamed():
    threading.current_thread().name = "переименован"
    park()


@shape(name="name that is longer than the fifteen bytes of a kernel name")
def long_name():
    park()


@shape(name="new\nline")
def newline_name():
    park()


@shape(name="same")
def same_name_one():
    park()


@shape(name="same")
def same_name_two():
    park()


def release():
    held.release()
    held_rlock.release()
    with condition:
        event.set()
        condition.notify_all()
    os.write(wake_write, b"x")
    right.send(b"data")
    socket.create_connection(listener.getsockname()).close()
    empty_queue.put("item")
    simple_queue.put("item")
    if simple_queue is empty_queue:
        empty_queue.put("item")
    child.stdin.close()
    barrier.wait(1000)


suite.on_release(release)

if __name__ == "__main__":
    suite.main()

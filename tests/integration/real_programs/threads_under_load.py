"""Eight threads that work all the time on shared things and check each other; prints "right" in the end if all was.

Runs on every version. Prints "ready" when all threads work, and stops when a line comes in.
"""

import hashlib
import queue
import sys
import threading


class Account:
    """Money only moves: the sum of all accounts stays the same."""

    def __init__(self, number, balance):
        self.number = number
        self.balance = balance
        self.lock = threading.Lock()
        self.history = []


class Failure(Exception):
    pass


def transfer(source, target, amount):
    first, second = sorted((source, target), key=lambda account: account.number)
    with first.lock, second.lock:
        if source.balance < amount:
            raise Failure("account %d has only %d" % (source.number, source.balance))
        source.balance -= amount
        target.balance += amount
        source.history.append((target.number, -amount))
        if len(source.history) > 50:
            del source.history[:25]


def digest_chain(seed, rounds):
    value = seed
    for _ in range(rounds):
        value = hashlib.sha256(value).digest()
    return value


def fibonacci(n):
    a, b = 0, 1
    for _ in range(n):
        yield a
        a, b = b, a + b


def work(number, accounts, results, started, stop):
    step = 0
    refused = 0
    expected = digest_chain(b"%d" % number, 20)
    numbers = {}
    started.wait()
    while not stop.is_set():
        step += 1
        source = accounts[(number + step) % len(accounts)]
        target = accounts[(number * 3 + step * 7 + 1) % len(accounts)]
        if source is not target:
            try:
                transfer(source, target, step % 90)
            except Failure as failure:
                refused += 1
                numbers["refused", step % 10] = str(failure)
        if digest_chain(b"%d" % number, 20) != expected:
            results.put("digest of thread %d differs" % number)
            return
        numbers[step % 100] = list(fibonacci(step % 200))[-3:]
        if sum(fibonacci(10)) != 88:
            results.put("sum of thread %d differs" % number)
            return
    results.put(None)


def main():
    accounts = [Account(number, 1000) for number in range(10)]
    results = queue.Queue()
    stop = threading.Event()
    started = threading.Barrier(9)
    threads = [
        threading.Thread(target=work, args=(number, accounts, results, started, stop), name="worker-%d" % number)
        for number in range(8)
    ]
    for thread in threads:
        thread.start()
    started.wait()
    print("ready", flush=True)
    sys.stdin.readline()
    stop.set()
    for thread in threads:
        thread.join()
    failures = [failure for failure in (results.get() for _ in threads) if failure]
    if sum(account.balance for account in accounts) != 10000:
        failures.append("money was lost or made")
    print("\n".join(failures) or "right", flush=True)


if __name__ == "__main__":
    main()

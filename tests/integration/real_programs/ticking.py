"""Eleven coroutines that work for each other, with pauses. The asyncio console under test imports it."""

import asyncio


async def ticker(number, queue):
    total = 0
    while True:
        step = await queue.get()
        if step is None:
            return total
        total += number * step


async def feed(stop):
    """Feeds ten tickers until told to stop; whether each of them has counted right."""
    queues = [asyncio.Queue() for _ in range(10)]
    tasks = [asyncio.ensure_future(ticker(number, queue)) for number, queue in enumerate(queues)]
    count = 0
    while not stop.is_set():
        for queue in queues:
            queue.put_nowait(1)
        count += 1
        await asyncio.sleep(0.0005)
    for queue in queues:
        queue.put_nowait(None)
    totals = await asyncio.gather(*tasks)
    return count > 0 and totals == [number * count for number in range(10)]

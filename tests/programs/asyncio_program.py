"""An asyncio loop running in a thread: a task parked, others suspended."""

import asyncio

import oracle
from oracle import park

suite = oracle.Suite()


async def waits_for_ever(name):
    local = "local of " + name
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        assert local


async def sleeper(seconds):
    await asyncio.sleep(seconds)


async def main():
    suspended = [asyncio.ensure_future(waits_for_ever("task %d" % number)) for number in range(3)]
    gathered = asyncio.gather(sleeper(1000), waits_for_ever("gathered"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    state = {"tasks": len(suspended)}
    await inner(state)
    for task in suspended:
        task.cancel()
    gathered.cancel()
    results = await asyncio.gather(gathered, *suspended, return_exceptions=True)
    return len(results)


async def inner(state):
    callback_result = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(lambda: callback_result.set_result(park()))
    async with asyncio.Lock():
        return await callback_result


@suite.shape
def loop_in_thread():
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        assert loop.run_until_complete(main()) == 4
    finally:
        loop.close()


@suite.shape
def coroutine_parked_in_loop():
    async def task():
        local = "running"
        park()
        return local

    loop = asyncio.new_event_loop()
    try:
        assert loop.run_until_complete(task()) == "running"
    finally:
        loop.close()


if __name__ == "__main__":
    suite.main()

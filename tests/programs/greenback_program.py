"""Tasks of asyncio that await in functions that are not async, by greenback.

`told` are their functions, the outermost first.
"""

import asyncio
import json
import os
import sys

import greenback


async def waits(future):
    inside = "a local"
    await future
    return inside


def is_not_async(future):
    argument = [1, 2]
    return greenback.await_(waits(future)), argument


async def has_portal(future):
    await greenback.ensure_portal()
    return is_not_async(future)


def also_not_async(future):
    return greenback.await_(has_no_portal(future))


async def has_no_portal(future):
    return is_not_async(future)


async def nests(future):
    await greenback.ensure_portal()
    return also_not_async(future)


async def main():
    loop = asyncio.get_running_loop()
    future, line = loop.create_future(), loop.create_future()
    tasks = [asyncio.ensure_future(function(future)) for function in (has_portal, nests)]
    for _ in range(5):
        await asyncio.sleep(0)
    loop.add_reader(0, lambda: line.done() or line.set_result(None))
    print(json.dumps({"ready": True, "pid": os.getpid()}), flush=True)
    await line
    loop.remove_reader(0)
    told = {
        hex(id(tasks[0])): ["has_portal", "is_not_async", "waits"],
        hex(id(tasks[1])): ["nests", "also_not_async", "has_no_portal", "is_not_async", "waits"],
    }
    future.set_result(None)
    await asyncio.gather(*tasks)
    print(json.dumps({"told": told}), flush=True)
    print(json.dumps({"done": True}), flush=True)
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main())

"""Senders to compare ours with, a process each: `python posting.py NAME COUNT PORT…` prints the processor seconds it took.

httpx: a bare loop of the client library that we send with, 64 requests at a time. apprise: Apprise, if this Python has it.
one: instead, the median time on the clock of one POST of the bare client below it, with nothing else under way.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time

BODY = '{"id":"evt_01j9zq3v5n8xw2k7r4t6y0b1cd","type":"custom.bench","priority":"medium","message":"%s"}' % ("x" * 500)


async def _loop(count: int, urls: list[str]) -> float:
    import aiohttp
    import httpx
    from httpx_aiohttp import AiohttpTransport

    clients = {
        url: httpx.AsyncClient(transport=AiohttpTransport(client=aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=32))))
        for url in urls
    }
    left = iter(range(count))

    async def post() -> None:
        for number in left:
            url = urls[number % len(urls)]
            (await clients[url].post(url, content=BODY, headers={"Content-Type": "application/json"})).raise_for_status()

    begin = time.process_time()
    await asyncio.gather(*(post() for _ in range(64)))
    took = time.process_time() - begin
    for client in clients.values():
        await client.aclose()
    return took


async def _one(count: int, url: str) -> float:
    import aiohttp

    times = []
    async with aiohttp.ClientSession() as session:
        for _ in range(count):
            begin = time.perf_counter()
            async with session.post(url, data=BODY) as answer:
                await answer.read()
            times.append(time.perf_counter() - begin)
    return statistics.median(times)


def one(count: int, urls: list[str]) -> float:
    import uvloop

    return uvloop.run(_one(count, urls[0]))


def httpx(count: int, urls: list[str]) -> float:
    import uvloop

    return uvloop.run(_loop(count, urls))


def apprise(count: int, urls: list[str]) -> float:
    import logging

    from apprise import Apprise

    logging.disable()
    everybody = Apprise()
    for url in urls:
        everybody.add(url.replace("http://", "json://") + "?cto=60&rto=60")
    begin = time.process_time()
    told = [everybody.notify(body="x" * 500, title=f"run {number} is over") for number in range(count // len(urls))]
    took = time.process_time() - begin
    assert sum(map(bool, told)) > 0.9 * len(told), "Apprise could not tell them"  # on a busy machine it gives up a few times
    return took


if __name__ == "__main__":
    name, count, *ports = sys.argv[1:]
    print(globals()[name](int(count), [f"http://127.0.0.1:{port}/" for port in ports]))

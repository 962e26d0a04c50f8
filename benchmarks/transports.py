"""What does the HTTP of one request cost? Each transport alone, without the pipeline, on each event loop.

Every worker has its own transport and asks one request after the other, as in a run; beside them a loop over one aiohttp
session, the usual way to use it. CPU µs of the client per request, in interleaved rounds of which the median counts.

    python benchmarks/transports.py [--requests 6400] [--rounds 5]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from workbench import machine, serving

WORKERS = (16, 64, 256)
BODY = json.dumps(
    {"model": "bench", "messages": [{"role": "user", "content": "Late again. " * 100}]}
).encode()
HEADERS = {
    "content-type": "application/json",
    "accept": "application/json",
    "authorization": "Bearer sk-none",
}

Asker = Callable[[], Awaitable[object]]


async def in_parallel(askers: list[Asker], requests: int) -> tuple[float, float]:
    """Seconds of CPU and on the wall for so many requests, once every connection is open."""

    async def work(ask: Asker, times: int) -> None:
        for _ in range(times):
            await ask()

    await asyncio.gather(*(work(ask, 1) for ask in askers))
    cpu, wall = time.process_time(), time.perf_counter()
    await asyncio.gather(*(work(ask, requests // len(askers)) for ask in askers))
    return time.process_time() - cpu, time.perf_counter() - wall


async def transport(library: str, url: str, workers: int, requests: int) -> tuple[float, float]:
    from runner.endpoints.base import Request, Transport
    from runner.endpoints.transports import open_transport

    request = Request("POST", url, HEADERS, BODY)

    def asker(opened: Transport) -> Asker:
        return lambda: opened.send(request, timeout=60)

    opened = [open_transport(library, url) for _ in range(workers)]
    try:
        return await in_parallel([asker(one) for one in opened], requests)
    finally:
        for one in opened:
            await one.close()


async def session(url: str, workers: int, requests: int) -> tuple[float, float]:
    import aiohttp

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=workers)) as opened:

        async def ask() -> bytes:
            async with opened.post(url, data=BODY, headers=HEADERS) as response:
                return await response.read()

        return await in_parallel([ask] * workers, requests)


def run(loop: str, main: Coroutine[Any, Any, tuple[float, float]]) -> tuple[float, float]:
    factory = None
    if loop == "uvloop":
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(main)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=6400)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    cost: dict[tuple[str, str, int], list[tuple[float, float]]] = {}
    with serving() as base_url:
        url = f"{base_url}/chat/completions"
        for _ in range(options.rounds):
            for loop in ("asyncio", "uvloop"):
                for name in ("httpx", "aiohttp", "bare aiohttp session"):
                    for workers in WORKERS:
                        asked = (
                            session(url, workers, options.requests)
                            if name.startswith("bare")
                            else transport(name, url, workers, options.requests)
                        )
                        cost.setdefault((name, loop, workers), []).append(run(loop, asked))
    print(machine())
    print(f"{'':32}" + "".join(f"{f'{workers} workers':>22}" for workers in WORKERS))
    print(f"{'':32}" + f"{'CPU µs  requests/s':>22}" * len(WORKERS))
    for name, loop in dict.fromkeys(key[:2] for key in cost):
        cells = []
        for workers in WORKERS:
            cpu, wall = (statistics.median(each) for each in zip(*cost[name, loop, workers], strict=True))
            cells.append(f"{cpu / options.requests * 1e6:8.0f} {options.requests / wall:11,.0f}")
        print(f"{f'{name}, {loop}':32}" + "".join(f"{cell:>22}" for cell in cells))


if __name__ == "__main__":
    main()

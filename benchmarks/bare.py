"""The least that asking takes: N workers post ready-made bodies over one aiohttp session and read the answers.

What the whole pipeline is measured against. Arguments: URL, file of bodies (one a line), workers, event loop.
Prints the seconds from the first request to the last answer.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import aiohttp

HEADERS = {"content-type": "application/json", "accept": "application/json"}


async def main(url: str, bodies: list[bytes], workers: int) -> float:
    queue = iter(bodies)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=workers)) as session:

        async def work() -> None:
            for body in queue:
                async with session.post(url, data=body, headers=HEADERS) as response:
                    assert response.status == 200
                    await response.read()

        started = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(workers)))
        return time.perf_counter() - started


if __name__ == "__main__":
    url, file, workers, loop = sys.argv[1:]
    lines = Path(file).read_bytes().splitlines()
    if loop == "uvloop":
        import uvloop

        print(uvloop.run(main(url, lines, int(workers))))
    else:
        print(asyncio.run(main(url, lines, int(workers))))

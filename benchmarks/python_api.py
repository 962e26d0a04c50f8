"""What does a row cost from Python (`arun`, `map`, `runner.Prompt`), compared with `runner run`, and does the memory of `map` grow?"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from workbench import machine, measure, rows_file, serving, write_project

WAYS = {
    "arun": """
async def main():
    async with prompt:
        for start in range(0, ROWS, 2000):
            found = await asyncio.gather(*(prompt.arun(row) for row in rows(start, min(start + 2000, ROWS))))
            assert all(result.passed for result in found)
event_loop.run(main())
""",
    "map": "assert sum(result.passed for result in prompt.map(rows(0, ROWS))) == ROWS",
    "map, order=False": "assert sum(result.passed for result in prompt.map(rows(0, ROWS), order=False)) == ROWS",
    "map, journal": "assert sum(result.passed for result in prompt.map(rows(0, ROWS), journal='j.jsonl')) == ROWS; os.unlink('j.jsonl')",
    "runner.Prompt": """
call = runner.Prompt("bench.prompt.yaml", jobs=64)
for start in range(0, ROWS, 1000):
    assert all(call({"ticket": [row["ticket"] for row in rows(start, min(start + 1000, ROWS))]})["passed"])
""",
}
BEFORE = """
import asyncio, os
import runner
from runner.engine.pool import event_loop
prompt = runner.load("bench.prompt.yaml", jobs=64)
def rows(first, end):
    return ({"ticket": f"Parcel {number} has not come. " * 20} for number in range(first, end))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--memory", type=int, default=100_000)
    options = parser.parse_args()
    print(machine())
    with serving() as url, tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_project(root, url)
        command = [sys.executable, "-m", "runner", "run", "bench.prompt.yaml", "--jobs", "64", "--no-cache"]
        ways = {"runner run": lambda count: [*command, "--input", rows_file(root, count)]}
        ways |= {
            name: lambda count, code=code: [sys.executable, "-c", f"{BEFORE}\nROWS = {count}\n{code}"]
            for name, code in WAYS.items()
        }
        first = 0.0
        print(
            f"\n| {options.rows:,} rows | rows/s | CPU µs a row | of `runner run` |\n| --- | ---: | ---: | ---: |"
        )
        for name, of in ways.items():
            few, many = (measure(of(count), root) for count in (1_000, options.rows))
            cost = (many.cpu - few.cpu) / (options.rows - 1_000) * 1e6
            rate = (options.rows - 1_000) / (many.wall - few.wall)
            first = first or cost
            print(f"| {name} | {rate:,.0f} | {cost:.0f} | {cost / first:.2f} |", flush=True)
        print("\n| rows | peak MB, map | peak MB, map with a journal |\n| ---: | ---: | ---: |")
        for count in (1_000, options.memory):
            peaks = [measure(ways[name](count), root).peak for name in ("map", "map, journal")]
            print(f"| {count:,} | {peaks[0]:.0f} | {peaks[1]:.0f} |", flush=True)


if __name__ == "__main__":
    main()

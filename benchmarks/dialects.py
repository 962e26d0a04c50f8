"""How much slower is another wire format than chat completions, for the same prompt?

Each format asks the same questions of the same local server, in interleaved rounds; the table has the median of the rounds
and its ratio to chat completions. As in `throughput.py`, the start of the process is taken off, and the client has one core
to itself. On a machine that does other work, trust the CPU time.

    python benchmarks/dialects.py [--rows 10000] [--rounds 5] [--transport aiohttp]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from workbench import machine, measure, rows_file, serving

APIS = ("chat", "completions", "responses", "messages")
SMALL = 256
PROMPT = """
model: bench
max_completion_tokens: 200
temperature: 0
inputs: {ticket: {type: string}}
messages: [{role: user, content: "Sort this ticket: {{ ticket }}"}]
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--transport", default="aiohttp")
    options = parser.parse_args()
    rates: dict[str, list[float]] = {api: [] for api in APIS}
    times: dict[str, list[float]] = {api: [] for api in APIS}
    with serving() as url, tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        endpoints = "".join(f"  {api}: {{base_url: '{url}', api: {api}}}\n" for api in APIS)
        (root / "runner.yaml").write_text(f"endpoint: chat\nendpoints:\n{endpoints}")
        (root / "bench.prompt.yaml").write_text(PROMPT)
        files = {count: rows_file(root, count) for count in (SMALL, options.rows)}
        for number in range(options.rounds):
            for api in APIS if number % 2 else reversed(APIS):
                few, many = (measure(_command(files[count], api, options.transport), root) for count in files)
                rates[api].append((options.rows - SMALL) / (many.wall - few.wall))
                times[api].append((many.cpu - few.cpu) / (options.rows - SMALL) * 1e6)
    print(machine())
    print(f"{'':14}{'cases/s':>10}{'of chat':>10}{'CPU µs':>10}{'of chat':>10}")
    for api in APIS:
        rate, cpu = statistics.median(rates[api]), statistics.median(times[api])
        print(
            f"{api:14}{rate:10,.0f}{rate / statistics.median(rates['chat']):9.2f}x"
            f"{cpu:10.0f}{cpu / statistics.median(times['chat']):9.2f}x"
        )


def _command(rows: str, api: str, transport: str) -> list[str]:
    command = [sys.executable, "-m", "runner", "run", "bench.prompt.yaml", "--input", rows, "--no-cache"]
    return [*command, "--endpoint", api, "--jobs", "64", "--transport", transport, "--quiet"]


if __name__ == "__main__":
    main()

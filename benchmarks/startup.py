"""What starting costs: `runner --help` beside `import click`, and a run of one case from its command to its end.

Interleaved rounds in one run. Of the commands that do nothing the median of user + system CPU seconds counts, since
wall time is noisy; of a run the wall, since that is what a person waits for.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from workbench import machine, measure, rows_file, serving, write_project

ROUNDS = 15
HEAVY = ("httpx", "aiohttp", "uvloop", "jinja2", "jsonschema", "yaml", "rich", "asyncio", "sqlite3")
RUN = ["run", "bench.prompt.yaml", "--input", "rows-1.jsonl", "--no-cache"]
COMMANDS = {
    "python -c 'import click'": ["-c", "import click"],
    "runner --help": ["-m", "runner", "--help"],
    "runner --version": ["-m", "runner", "--version"],
    "runner check, 1 prompt": ["-m", "runner", "check"],
    "runner run, 1 case, httpx": ["-m", "runner", *RUN, "--transport", "httpx"],
    "runner run, 1 case, aiohttp": ["-m", "runner", *RUN, "--transport", "aiohttp"],
}


def loaded() -> list[str]:
    code = (
        "import sys, json, runpy; sys.argv = ['runner', '--help']\n"
        "try: runpy.run_module('runner', run_name='__main__')\n"
        f"except SystemExit: print(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    return list(json.loads(output.splitlines()[-1]))


def main() -> None:
    cpu: dict[str, list[float]] = {name: [] for name in COMMANDS}
    wall: dict[str, list[float]] = {name: [] for name in COMMANDS}
    environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    with serving() as url, tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_project(root, url)
        rows_file(root, 1)
        for _ in range(ROUNDS):
            for name, arguments in COMMANDS.items():
                taken = measure([sys.executable, *arguments], root, environ)
                cpu[name].append(taken.cpu)
                wall[name].append(taken.wall)
    base = statistics.median(cpu["python -c 'import click'"])
    print(machine())
    print(f"{'command':28} {'CPU ms':>8} {'ratio':>6} {'wall ms':>8}")
    for name in COMMANDS:
        used, took = (statistics.median(values[name]) * 1000 for values in (cpu, wall))
        print(f"{name:28} {used:8.1f} {used / base / 1000:5.2f}x {took:8.1f}")
    print(f"heavy modules loaded by --help: {', '.join(loaded()) or 'none'}")


if __name__ == "__main__":
    main()

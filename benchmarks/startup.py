"""What `runner --help` costs, beside `python -c "import click"`, and which heavy modules it loads (none).

Interleaved rounds in one run; the median of user + system CPU seconds counts, since wall time is noisy.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys

ROUNDS = 15
HEAVY = ("httpx", "jinja2", "jsonschema", "yaml", "rich", "asyncio")
COMMANDS = {
    "python -c 'import click'": [sys.executable, "-c", "import click"],
    "runner --help": [sys.executable, "-m", "runner", "--help"],
    "runner --version": [sys.executable, "-m", "runner", "--version"],
}


def cpu_seconds(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        command, stdout=subprocess.DEVNULL, check=True, env=os.environ | {"PYTHONDONTWRITEBYTECODE": ""}
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def loaded() -> list[str]:
    code = (
        "import sys, json, runpy; sys.argv = ['runner', '--help']\n"
        "try: runpy.run_module('runner', run_name='__main__')\n"
        f"except SystemExit: print(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    return list(json.loads(output.splitlines()[-1]))


def main() -> None:
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(ROUNDS):
        for name, command in COMMANDS.items():
            times[name].append(cpu_seconds(command))
    base = statistics.median(times["python -c 'import click'"])
    print(f"{'command':28} {'CPU ms':>8} {'ratio':>6}")
    for name, values in times.items():
        print(f"{name:28} {statistics.median(values) * 1000:8.1f} {statistics.median(values) / base:5.2f}x")
    print(f"heavy modules loaded by --help: {', '.join(loaded()) or 'none'}")


if __name__ == "__main__":
    main()

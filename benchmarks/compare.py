"""Is this checkout slower than another? The commands of the other benchmarks, by both, in interleaved rounds.

CPU time of the command (user + system, with its child processes), of which the median counts; per case it is the
difference of two sizes, so that start-up is taken off. On a busy machine `--instructions` counts those instead, under
valgrind: some fifty times slower, and the same each time. Each checkout has its own Python in `.venv`.

    python benchmarks/compare.py OTHER_CHECKOUT [--rounds 9] [--only offline,check] [--instructions]
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import check
import diff
import offline
from workbench import machine, measure, rows_file, serving, write_project

HERE = Path(__file__).resolve().parent.parent
RUN = ["run", "bench.prompt.yaml", "--no-cache", "--jobs", "64"]


@dataclass(frozen=True)
class Work:
    """One command, in two sizes where the cost of a case is of interest: the folder and the arguments of each."""

    name: str
    many: tuple[Path, list[str]]
    few: tuple[Path, list[str]] | None = None
    cases: int = 1

    def cost(self, checkout: Path, *, instructions: bool) -> float:
        """CPU µs, or thousands of instructions: of a case more, or of the whole command."""
        taken, *less = (
            _cost(checkout, *size, instructions=instructions) for size in (self.many, self.few) if size
        )
        return (taken - sum(less)) / self.cases


def _cost(checkout: Path, root: Path, arguments: list[str], *, instructions: bool) -> float:
    command = [str(checkout / ".venv/bin/python"), "-m", "runner", *arguments]
    environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONHASHSEED": "0"}
    if not instructions:
        return measure(command, root, environ).cpu * 1e6
    counter = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
    done = subprocess.run(
        [*counter, *command], cwd=root, env=environ, capture_output=True, text=True, check=True
    )
    found = re.search(r"I *refs: *([\d,]+)", done.stderr)
    assert found is not None, done.stderr
    return int(found[1].replace(",", "")) / 1e3


def workloads(root: Path, url: str) -> Iterator[Work]:
    """Everything that is compared; `root` is an empty folder, `url` the local server's."""
    folders = {name: root / name for name in ("check", "diff", "few", "many", "run")}
    for folder in folders.values():
        folder.mkdir()
    yield Work("runner --help", (root, ["--help"]))
    check.project(folders["check"])
    yield Work("check: 100 prompts x 10", (folders["check"], ["check"]))
    diff.project(folders["diff"], 10)
    diff.edit(folders["diff"])
    yield Work("diff: 10 prompts x 100", (folders["diff"], ["diff", "--base", "HEAD"]))
    sizes = {"few": offline.FEW, "many": offline.MANY}
    for name, cases in sizes.items():
        offline.project(folders[name], cases)
    test = ["test", "--offline"]
    yield Work("offline: start and 1,000 cases", (folders["few"], test))
    more = offline.MANY - offline.FEW
    yield Work("offline: a case", (folders["many"], test), (folders["few"], test), more)
    write_project(folders["run"], url)
    one, few, many = (rows_file(folders["run"], count) for count in (1, 256, 5_256))
    for transport in ("httpx", "aiohttp"):
        run = [*RUN, "--transport", transport, "--input"]
        yield Work(f"run, {transport}: one case", (folders["run"], [*run, one]))
        yield Work(
            f"run, {transport}: a case", (folders["run"], [*run, many]), (folders["run"], [*run, few]), 5_000
        )
    for name, options in (("in process", []), ("isolated", ["--isolate"])):
        dry = ["run", "bench.prompt.yaml", "--dry-run", *options, "--input"]
        yield Work(
            f"dry run, {name}: a case", (folders["run"], [*dry, many]), (folders["run"], [*dry, few]), 5_000
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("other", type=Path)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", default="", help="beginnings of names, separated by commas")
    parser.add_argument("--instructions", action="store_true")
    options = parser.parse_args()
    checkouts = (options.other.resolve(), HERE)
    unit = "1,000 instructions" if options.instructions else "CPU µs"
    print(f"{machine()}\n{unit:32} {'other':>12} {'this':>12} {'ratio':>6}", flush=True)
    slower = []
    with ExitStack() as closing:
        url = closing.enter_context(serving())
        root = Path(closing.enter_context(tempfile.TemporaryDirectory()))
        for work in workloads(root, url):
            if not work.name.startswith(tuple(options.only.split(","))):
                continue
            costs: dict[Path, list[float]] = {checkout: [] for checkout in checkouts}
            for _ in range(1 if options.instructions else options.rounds):
                for checkout in checkouts:
                    costs[checkout].append(work.cost(checkout, instructions=options.instructions))
            other, this = (statistics.median(costs[checkout]) for checkout in checkouts)
            print(f"{work.name:32} {other:12,.0f} {this:12,.0f} {this / other:6.2f}", flush=True)
            if this > other * 1.03:
                slower.append(work.name)
    sys.exit(f"more than 3 % slower: {', '.join(slower)}" if slower else 0)


if __name__ == "__main__":
    main()

"""How many cases a second does a run make, and what do they cost, beside the least that asking takes?

The whole pipeline (read a row, check it, render, fingerprint, send, parse, validate, journal) over each transport, and
a bare aiohttp loop that posts the same bodies, all against the same local server, in interleaved rounds. Cases a second
are those between a small and a large run, so that start-up is taken off; the client has one core to itself.

    python benchmarks/throughput.py [--rows 20000] [--rounds 3] [--plot benchmarks/throughput.svg]
        [--peer 'NAME=COMMAND with {url}, {rows} and {workers}']
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from workbench import machine, measure, rows_file, serving, write_project

WORKERS = (1, 16, 64, 256)
SMALL = 256
HERE = Path(__file__).parent


@dataclass
class Series:
    """One client at each number of workers: cases a second and CPU µs a case, a value a round."""

    name: str
    rate: dict[int, list[float]] = field(default_factory=dict)
    cpu: dict[int, list[float]] = field(default_factory=dict)

    def add(self, workers: int, rate: float, cpu: float) -> None:
        self.rate.setdefault(workers, []).append(rate)
        self.cpu.setdefault(workers, []).append(cpu)

    def median(self, workers: int) -> float:
        return statistics.median(self.rate[workers])


def run_command(rows: str, workers: int, transport: str) -> list[str]:
    command = [sys.executable, "-m", "runner", "run", "bench.prompt.yaml", "--input", rows, "--no-cache"]
    return [*command, "--jobs", str(workers), "--transport", transport]


def bodies_file(root: Path, rows: str) -> str:
    """The bodies that a run of these rows sends, one a line."""
    import os
    from contextlib import ExitStack

    from runner.commands.load_selection import load_selection, tests_of
    from runner.engine.plan.plan import Plan

    before = Path.cwd()
    os.chdir(root)
    try:
        chosen = load_selection({**tests_of(["bench.prompt.yaml"]), "rows": rows}, ExitStack())
        name = rows.replace("rows", "bodies")
        with (root / name).open("wb") as file:
            for job in Plan(chosen.units, chosen.selection.cases).jobs():
                file.write(job.data + b"\n")
    finally:
        os.chdir(before)
    return name


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--peer", action="append", default=[])
    options = parser.parse_args()
    with serving() as url, tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_project(root, url)
        files = {count: rows_file(root, count) for count in (SMALL, options.rows)}
        bodies = {count: bodies_file(root, name) for count, name in files.items()}
        clients = _clients(root, url, files, bodies, options.peer)
        for _ in range(options.rounds):
            for workers in WORKERS:
                for series, ask in clients:
                    series.add(workers, *ask(workers, options.rows))
    found = [series for series, _ in clients]
    _print(found)
    if options.plot:
        _plot(found, options.plot, options.rows)


def _clients(
    root: Path, url: str, files: dict[int, str], bodies: dict[int, str], peers: list[str]
) -> list[tuple[Series, Callable[[int, int], tuple[float, float]]]]:
    def pipeline(transport: str) -> Callable[[int, int], tuple[float, float]]:
        def ask(workers: int, count: int) -> tuple[float, float]:
            few, many = (
                measure(run_command(files[each], workers, transport), root) for each in (SMALL, count)
            )
            return (count - SMALL) / (many.wall - few.wall), (many.cpu - few.cpu) / (count - SMALL) * 1e6

        return ask

    def bare(loop: str) -> Callable[[int, int], tuple[float, float]]:
        def ask(workers: int, count: int) -> tuple[float, float]:
            command = [sys.executable, str(HERE / "bare.py"), f"{url}/chat/completions"]
            few, many = (
                measure([*command, bodies[each], str(workers), loop], root) for each in (SMALL, count)
            )
            return (count - SMALL) / (float(many.output) - float(few.output)), (many.cpu - few.cpu) / (
                count - SMALL
            ) * 1e6

        return ask

    def peer(command: str) -> Callable[[int, int], tuple[float, float]]:
        def ask(workers: int, count: int) -> tuple[float, float]:
            few, many = (
                measure(["sh", "-c", command.format(url=url, rows=files[each], workers=workers)], root)
                for each in (SMALL, count)
            )
            return (count - SMALL) / (many.wall - few.wall), (many.cpu - few.cpu) / (count - SMALL) * 1e6

        return ask

    return [
        (Series("runner, httpx"), pipeline("httpx")),
        (Series("runner, fast"), pipeline("aiohttp")),
        (Series("bare aiohttp"), bare("asyncio")),
        (Series("bare aiohttp, uvloop"), bare("uvloop")),
        *((Series(name), peer(command)) for name, _, command in (each.partition("=") for each in peers)),
    ]


def _print(found: list[Series]) -> None:
    print(machine())
    base = next(series for series in found if series.name == "bare aiohttp")
    print(f"{'':22}" + "".join(f"{f'{workers} workers':>26}" for workers in WORKERS))
    print(f"{'':22}" + f"{'cases/s   of bare  CPU µs':>26}" * len(WORKERS))
    for series in found:
        cells = (
            f"{series.median(w):10,.0f} {series.median(w) / base.median(w):7.2f}x"
            f" {statistics.median(series.cpu[w]):6.0f}"
            for w in WORKERS
        )
        print(f"{series.name:22}" + "".join(f"{cell:>26}" for cell in cells))


def _plot(found: list[Series], path: Path, rows: int) -> None:
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "runner"
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 4.5))
    for series in found:
        style = "--" if series.name.startswith("bare") else "-"
        axes.plot(WORKERS, [series.median(w) for w in WORKERS], style, marker="o", label=series.name)
    axes.set_xscale("log", base=2)
    axes.set_xticks(WORKERS, [str(w) for w in WORKERS])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("workers")
    axes.set_ylabel("cases per second")
    axes.set_title("runner run, the whole pipeline, against a local server")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.text(0.01, 0.01, f"{machine()}; {rows:,} rows, client on one core, medians", fontsize=7)
    figure.tight_layout(rect=(0, 0.03, 1, 1))
    figure.savefig(path, metadata={"Date": None})
    print(json.dumps({"plot": str(path)}))


if __name__ == "__main__":
    main()

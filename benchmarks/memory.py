"""Does the memory of a run grow with the number of its cases? Peak of the whole process, journal and all."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from workbench import machine, measure, rows_file, serving, write_project

SIZES = (1_000, 10_000, 100_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--transport", default="auto")
    options = parser.parse_args()
    print(machine())
    print(f"{'cases':>8} {'wall s':>8} {'cases/s':>8} {'peak MB':>8} {'of 1,000':>9}")
    first = 0.0
    with serving() as url, tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_project(root, url)
        for count in SIZES:
            command = [sys.executable, "-m", "runner", "run", "bench.prompt.yaml", "--jobs", "64"]
            taken = measure(
                [*command, "--input", rows_file(root, count), "--transport", options.transport], root
            )
            first = first or taken.peak
            print(
                f"{count:8,} {taken.wall:8.1f} {count / taken.wall:8,.0f} {taken.peak:8.1f}"
                f" {taken.peak / first:8.2f}x"
            )


if __name__ == "__main__":
    main()

"""Classify tickets with Polars, on one machine: Parquet in, Parquet out.

python polars_tickets.py tickets.parquet answers parts
"""

import sys
from pathlib import Path

import polars as pl

import runner

PROMPT = Path(__file__).parent / "prompts/triage.prompt.yaml"
ROWS = 10_000


def main(tickets: str, answers: str, journal: str) -> None:
    classify = runner.Prompt(PROMPT, jobs=64, journal=journal, prefix="answer_")
    frame = pl.scan_parquet(tickets)
    Path(answers).mkdir(exist_ok=True)
    # In slices, so that memory stays flat and each part is a file. Not `map_elements`, which sends one request at a time.
    count = frame.select(pl.len()).collect().item()
    for part, start in enumerate(range(0, count, ROWS)):
        classify(frame.slice(start, ROWS).collect()).write_parquet(Path(answers) / f"part-{part:05}.parquet")


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Classify tickets with Daft: Parquet in, Parquet out.

python daft_tickets.py tickets.parquet answers parts
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import daft
import pyarrow

import runner

PROMPT = Path(__file__).parent / "prompts/triage.prompt.yaml"


def main(tickets: str, answers: str, journal: str) -> None:
    classify = runner.Prompt(PROMPT, jobs=64, journal=journal, prefix="answer_")

    def answered() -> Iterator[pyarrow.RecordBatch]:
        for batch in daft.read_parquet(tickets).to_arrow_iter():
            yield from pyarrow.Table.from_batches([classify(batch)]).to_batches()

    # Each batch is written as it is answered, so that one error loses no answers that were paid for.
    Path(answers).mkdir(exist_ok=True)
    for part, batch in enumerate(answered()):
        daft.from_arrow(pyarrow.Table.from_batches([batch])).write_parquet(f"{answers}/part-{part:05}")


if __name__ == "__main__":
    main(*sys.argv[1:])

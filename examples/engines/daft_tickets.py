"""Classify tickets with Daft: Parquet in, Parquet out.

python daft_tickets.py tickets.parquet answers parts
"""

import sys
from pathlib import Path

import daft
import pyarrow

import runner

PROMPT = Path(__file__).parent / "prompts/triage.prompt.yaml"


def main(tickets: str, answers: str, journal: str) -> None:
    classify = runner.Prompt(PROMPT, jobs=64, journal=journal, prefix="answer_")

    Path(answers).mkdir(exist_ok=True)
    # Each batch is written as it is answered, so that one error loses no answers that were paid for.
    for part, batch in enumerate(daft.read_parquet(tickets).to_arrow_iter()):
        answered = daft.from_arrow(pyarrow.Table.from_batches([classify(batch)]))
        answered.write_parquet(f"{answers}/part-{part:05}", write_mode="overwrite")


if __name__ == "__main__":
    main(*sys.argv[1:])

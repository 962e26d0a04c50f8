"""Classify tickets with Ray Data: Parquet in, Parquet out.

python ray_tickets.py tickets.parquet answers parts
"""

import sys
from pathlib import Path

import ray

import runner

PROMPT = Path(__file__).parent / "prompts/triage.prompt.yaml"
WORKERS = 2


class Classify:
    """An actor: it loads the prompt once, and keeps its connections from batch to batch."""

    def __init__(self, classify: runner.Prompt) -> None:
        self.classify = classify

    def __call__(self, batch: object) -> object:
        return self.classify(batch)


def main(tickets: str, answers: str, journal: str) -> None:
    # The limits are those of all actors together; `journal` is a folder that all of them see.
    classify = runner.Prompt(PROMPT, jobs=64, of=WORKERS, journal=journal, prefix="answer_")
    dataset = ray.data.read_parquet(tickets)
    # Small files become one block, and one block is the work of one actor.
    dataset = dataset.repartition(4 * WORKERS)
    dataset = dataset.map_batches(
        Classify,
        fn_constructor_args=(classify,),
        batch_format="pyarrow",  # keeps the types of the columns, also of those that are empty
        batch_size=1000,
        compute=ray.data.ActorPoolStrategy(size=WORKERS),
        num_cpus=0.1,  # it waits for the network; whole CPUs would leave none for reading
    )
    # Otherwise the files of a second run stand beside those of the first.
    dataset.write_parquet(answers, mode=ray.data.SaveMode.OVERWRITE)


if __name__ == "__main__":
    main(*sys.argv[1:])

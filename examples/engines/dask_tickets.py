"""Classify tickets with Dask: Parquet in, Parquet out.

python dask_tickets.py tickets.parquet answers parts
"""

import sys
from pathlib import Path

import dask.dataframe as dd
from dask.distributed import Client, LocalCluster

import runner

PROMPT = Path(__file__).parent / "prompts/triage.prompt.yaml"
WORKERS = 2


def main(tickets: str, answers: str, journal: str) -> None:
    # The limits are those of all workers together; `journal` is a folder that all of them see.
    classify = runner.Prompt(PROMPT, jobs=64, of=WORKERS, journal=journal, prefix="answer_")
    # One thread per worker: a partition already has as many requests in flight as its worker may have.
    with (
        LocalCluster(n_workers=WORKERS, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster),
    ):
        frame = dd.read_parquet(tickets, split_row_groups=True)
        # With `meta`, Dask need not find out the columns by calling the prompt with invented rows, which costs money.
        frame.map_partitions(classify, meta=classify.meta(frame)).to_parquet(answers)


if __name__ == "__main__":
    main(*sys.argv[1:])

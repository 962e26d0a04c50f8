"""Classify the rows of a DataFrame. `answers.jsonl` remembers the answers: run it again, and only new rows are sent.

python with_pandas.py reviews.csv
"""

import sys
from pathlib import Path

import pandas as pd

import runner

PROMPT = Path(__file__).parent / "prompts/sentiment.prompt.yaml"


def classified(frame: pd.DataFrame) -> pd.DataFrame:
    with runner.load(PROMPT, endpoint="openai", jobs=64) as prompt:
        results = list(prompt.map(frame.to_dict("records"), journal="answers.jsonl"))
    return frame.assign(
        outcome=[result.outcome for result in results],
        sentiment=[result.output["sentiment"] if result.passed else None for result in results],
        detail=[result.detail for result in results],
    )


if __name__ == "__main__":
    found = classified(pd.read_csv(sys.argv[1]))
    print(found["sentiment"].value_counts(dropna=False))
    found.to_csv("classified.csv", index=False)

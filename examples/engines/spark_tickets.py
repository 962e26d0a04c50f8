"""Classify tickets with Spark: Parquet in, Parquet out.

spark-submit spark_tickets.py tickets.parquet answers parts
"""

import sys
from pathlib import Path

from pyspark.sql import SparkSession

import runner

PROMPT = Path(__file__).parent / "prompts/triage.prompt.yaml"
WORKERS = 2


def main(tickets: str, answers: str, journal: str) -> None:
    spark = (
        SparkSession.builder
        # The number of rows in a batch. The default of 10,000 is the work that is repeated if a task fails without a journal.
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", 1000)
        # A second copy of a slow task would wait for the journal of the first.
        .config("spark.speculation", "false")
        .getOrCreate()
    )
    # The limits are those of all tasks that run at the same time, together.
    classify = runner.Prompt(PROMPT, jobs=64, of=WORKERS, journal=journal, prefix="answer_")
    frame = spark.read.parquet(tickets)
    # Write once: every action on `answered` that is not cached would run the requests again, or read the journal.
    answered = frame.mapInArrow(classify.arrow, classify.ddl(frame.schema))
    answered.write.mode("overwrite").parquet(answers)


if __name__ == "__main__":
    main(*sys.argv[1:])

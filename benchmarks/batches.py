"""Does the memory of `run --batch` and of `collect` grow with the number of requests? Peak of the whole process."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workbench import machine, measure, rows_file

SIZES = (1_000, 10_000, 100_000)
REPOSITORY = Path(__file__).resolve().parents[1]

PROMPT = """
model: bench
max_completion_tokens: 100
inputs: {ticket: {type: string}}
messages:
  - {role: system, content: You classify support tickets.}
  - {role: user, content: "{{ ticket }}"}
assert: [{type: contains, value: Parcel}]
"""


@contextmanager
def serving() -> Iterator[str]:
    """A provider of batches in a process of its own; its base URL."""
    command = [sys.executable, "-m", "tests.batch_server"]
    process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


ANSWER = """
import json, sys
with open(sys.argv[2], "w") as file:
    for line in reversed(open(sys.argv[1]).readlines()):
        request = json.loads(line)
        said = request["body"]["messages"][-1]["content"]
        choice = {"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 200, "completion_tokens": 200, "total_tokens": 400}
        body = {"id": "c", "model": "bench", "choices": [choice], "usage": usage}
        response = {"status_code": 200, "request_id": "r", "body": body}
        file.write(json.dumps({"custom_id": request["custom_id"], "response": response}) + "\\n")
"""
"""Answers an exported batch, last request first; in a process of its own, whose memory would count for its siblings."""


def main() -> None:
    print(machine())
    print(f"{'requests':>9} {'command':>12} {'wall s':>8} {'CPU µs each':>12} {'peak MB':>8}")
    runner = [sys.executable, "-m", "runner"]
    with serving() as url, tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "runner.yaml").write_text(f"endpoint: fake\nendpoints: {{fake: {{base_url: '{url}'}}}}\n")
        (root / "bench.prompt.yaml").write_text(PROMPT)
        for count in SIZES:
            rows = ["bench.prompt.yaml", "--input", rows_file(root, count)]
            steps = {
                "run --batch": [
                    *runner,
                    "run",
                    *rows,
                    "--batch",
                    "--output",
                    "out.jsonl",
                    "--in-order",
                    "-q",
                ],
                "export": [*runner, "export", *rows, "--batch", "requests.jsonl"],
                "collect": [*runner, "collect", "results.jsonl", "-q", "-o", "collected.jsonl", "--in-order"],
            }
            for name, command in steps.items():
                if name == "collect":
                    answer = [sys.executable, "-c", ANSWER, "requests.jsonl", "results.jsonl"]
                    subprocess.run(answer, cwd=root, check=True)
                taken = measure(command, root)
                print(
                    f"{count:9,} {name:>12} {taken.wall:8.1f} {taken.cpu / count * 1e6:12,.0f} {taken.peak:8.1f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()

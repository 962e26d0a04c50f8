"""Does a request cost more CPU when many workers ask at once? The whole pipeline against a local server.

A connection pool shared by all workers would be quadratic in their number; one connection a worker is flat. CPU
seconds of the client process alone are counted (the server is another process), start-up taken off.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

WORKERS = (1, 16, 64, 256)
ROWS, FEW, ROUNDS = 2000, 256, 3

PROMPT = """
model: bench
inputs: {ticket: {type: string}}
messages:
  - {role: system, content: You classify support tickets. Answer as JSON.}
  - {role: user, content: "{{ ticket }}"}
response_format:
  type: json_schema
  json_schema:
    name: ticket
    strict: true
    schema:
      type: object
      properties: {category: {type: string}, reasons: {type: array, items: {type: string}}}
      required: [category, reasons]
      additionalProperties: false
"""


def cpu_seconds(root: Path, workers: int, rows: str) -> float:
    command = [sys.executable, "-m", "runner", "run", "bench.prompt.yaml", "--input", rows, "--no-cache"]
    command += ["--endpoint", "bench", "--jobs", str(workers)]
    process = subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(errors.decode())
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    server = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("server.py"))], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    try:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            url = server.stdout.readline().strip()
            (root / "runner.yaml").write_text(f"endpoints: {{bench: {{base_url: '{url}'}}}}\n")
            (root / "bench.prompt.yaml").write_text(PROMPT)
            for name, count in (("few.jsonl", FEW), ("many.jsonl", ROWS + FEW)):
                rows = (
                    json.dumps({"ticket": f"Parcel {n} has not come. " * 20}) + "\n" for n in range(count)
                )
                (root / name).write_text("".join(rows))
            cost: dict[int, list[float]] = {workers: [] for workers in WORKERS}
            for _ in range(ROUNDS):
                for workers in WORKERS:
                    many, few = (cpu_seconds(root, workers, rows) for rows in ("many.jsonl", "few.jsonl"))
                    cost[workers].append((many - few) / ROWS)
    finally:
        server.kill()
        server.wait()
    base = statistics.median(cost[16])
    print(f"{'workers':>8} {'CPU µs/request':>15} {'of 16 workers':>14}")
    for workers, values in cost.items():
        print(
            f"{workers:8} {statistics.median(values) * 1e6:15.0f} {statistics.median(values) / base:13.2f}x"
        )


if __name__ == "__main__":
    main()

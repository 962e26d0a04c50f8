"""How fast approved cases are re-checked offline, and whether memory grows with their number.

Each case is rendered, fingerprinted, compared with its snapshot file, and its stored answer validated against the
schema and one assertion. Start-up is taken off by the difference of two sizes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FEW, MANY = 1_000, 10_000

PROMPT = """
name: triage
model: gpt-6-luna
temperature: 0
inputs: {ticket: {type: string, maxLength: 20000}}
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
      properties: {category: {type: string, enum: [refund, delivery]}, confidence: {type: number}}
      required: [category, confidence]
      additionalProperties: false
assert: [{type: equals, path: $.category, value: delivery}]
tests: [{file: rows.jsonl}]
"""


def project(root: Path, cases: int) -> None:
    """A project whose cases are all approved, without asking anyone: its snapshots are written by the library."""
    from runner.engine.plan.units import make_units
    from runner.files.cases import cases_of
    from runner.files.disk.tree import DiskTree
    from runner.files.project import load_project
    from runner.files.prompt import load_prompt
    from runner.regress.snapshots.snapshot import Snapshot, snapshot_file
    from runner.regress.snapshots.writer import write_snapshot
    from runner.wire.fingerprint import parts

    (root / "p.prompt.yaml").write_text(PROMPT)
    rows = (
        json.dumps({"id": f"case-{n}", "vars": {"ticket": f"Parcel {n} has not come. " * 10}}) + "\n"
        for n in range(cases)
    )
    (root / "rows.jsonl").write_text("".join(rows))
    [unit] = make_units([load_prompt("p.prompt.yaml", DiskTree(root))], load_project(root, environ={}))
    for case in cases_of(unit.prompt):
        job = unit.job(case)
        path = root / snapshot_file("p.prompt.yaml", "triage", case.id)
        path.parent.mkdir(parents=True, exist_ok=True)
        output = {"category": "delivery", "confidence": 0.9}
        path.write_text(write_snapshot(Snapshot(job.fingerprint, parts(job.body), output, model="m")))


def measured(root: Path) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and peak resident MB of one `runner test --offline`."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "runner", "test", "--offline"], cwd=root, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(said)
    return time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for cases in (FEW, MANY):
            root = Path(folder) / str(cases)
            root.mkdir()
            project(root, cases)
            results[cases] = min(measured(root) for _ in range(3))
    print(f"{'cases':>8} {'wall s':>8} {'CPU s':>8} {'peak MB':>8}")
    for cases, (wall, cpu, memory) in results.items():
        print(f"{cases:8,} {wall:8.2f} {cpu:8.2f} {memory:8.1f}")
    rate = (MANY - FEW) / (results[MANY][0] - results[FEW][0])
    print(
        f"{rate:,.0f} cases/s; memory of {MANY:,} is {results[MANY][2] / results[FEW][2]:.2f}x that of {FEW:,}"
    )


if __name__ == "__main__":
    main()

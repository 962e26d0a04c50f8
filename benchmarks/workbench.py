"""What the benchmarks of runs share: a project of many rows, the local server, and a command's time and memory."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PROMPT", "Measured", "machine", "measure", "rows_file", "serving", "write_project"]

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


@dataclass(frozen=True)
class Measured:
    """What one process took: seconds on the wall, CPU seconds, peak memory in MB, and what it printed."""

    wall: float
    cpu: float
    peak: float
    output: str


@contextmanager
def serving() -> Iterator[str]:
    """The local server in a process of its own, on the last core where the machine has several; its base URL."""
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("server.py"))], stdout=subprocess.PIPE, text=True
    )
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(cores) > 1:
        os.sched_setaffinity(process.pid, {cores[-1]})
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


def write_project(root: Path, url: str) -> None:
    """A project with one prompt and one endpoint."""
    (root / "runner.yaml").write_text(f"endpoints: {{bench: {{base_url: '{url}'}}}}\nendpoint: bench\n")
    (root / "bench.prompt.yaml").write_text(PROMPT)


def rows_file(root: Path, count: int) -> str:
    """A file of so many rows of some 600 characters; its name."""
    name = f"rows-{count}.jsonl"
    with (root / name).open("w") as file:
        for number in range(count):
            file.write(json.dumps({"ticket": f"Parcel {number} has not come. " * 20}) + "\n")
    return name


def measure(command: list[str], root: Path, environ: Mapping[str, str] = os.environ) -> Measured:
    """Run a command to its end, on one core where the server has another. Ends the benchmark when it fails."""
    import time

    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    started = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=root, env=dict(environ), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if len(cores) > 1:
        os.sched_setaffinity(process.pid, {cores[0]})
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"{' '.join(command)}:\n{output}")
    return Measured(
        time.perf_counter() - started,
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10),
        output,
    )


def machine() -> str:
    """What was measured on, in one line."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0].partition(": ")[2] if names else cpu
    return f"{os.cpu_count()} cores of {cpu}, {platform.system()}, CPython {platform.python_version()}"

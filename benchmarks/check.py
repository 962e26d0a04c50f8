"""How long `runner check` takes for 100 prompts with 10 cases each, beside starting and loading its libraries."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROMPTS, CASES, ROUNDS = 100, 10, 5
LIBRARIES = [sys.executable, "-c", "import click, yaml, jinja2, jsonschema"]

SCHEMA = {
    "type": "object",
    "properties": {
        "category": {"type": "string", "enum": ["refund", "delivery", "other"]},
        "urgent": {"type": "boolean"},
        "reasons": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["category", "urgent", "reasons"],
    "additionalProperties": False,
}


def prompt(number: int) -> str:
    tests = "".join(
        f"""  - id: case-{index}
    vars: {{ticket: "Parcel {index} of order {number} has not come, and I have been waiting for nine days."}}
    assert:
      - {{type: equals, path: $.category, value: delivery}}
"""
        for index in range(CASES)
    )
    return f"""name: triage-{number}
description: Classify a support ticket
model: gpt-6-luna
temperature: 0
inputs:
  ticket: {{type: string, maxLength: 20000}}
  lang: {{type: string, enum: [en, de], default: en}}
messages:
  - role: system
    content: |-
      You classify support tickets. Answer in {{{{ lang }}}}.
      {{% if lang == "de" %}}Be formal.{{% endif %}}
  - role: user
    content: "{{{{ ticket }}}}"
response_format:
  type: json_schema
  json_schema: {{name: ticket, strict: true, schema_file: ../schemas/ticket.json}}
tests:
{tests}"""


def project(root: Path) -> None:
    """Write the prompts and their schema into an empty folder."""
    (root / "schemas").mkdir()
    (root / "prompts").mkdir()
    (root / "schemas" / "ticket.json").write_text(json.dumps(SCHEMA))
    for number in range(PROMPTS):
        (root / "prompts" / f"triage-{number}.prompt.yaml").write_text(prompt(number))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        project(root)
        check = [sys.executable, "-m", "runner", "check"]
        times: dict[str, list[float]] = {"import the libraries": [], "runner check": []}
        for _ in range(ROUNDS):
            for name, command in zip(times, (LIBRARIES, check), strict=True):
                started = time.perf_counter()
                done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
                times[name].append(time.perf_counter() - started)
        print(done.stdout.strip())
        base = statistics.median(times["import the libraries"])
        for name, values in times.items():
            print(f"{name:24} {statistics.median(values):6.2f} s {statistics.median(values) / base:5.1f}x")


if __name__ == "__main__":
    main()

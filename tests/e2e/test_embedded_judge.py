"""The embedded model as a judge: it is a bad one, and calibration says so."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

TICKETS = {
    "payment": "I was charged twice for my order.",
    "delivery": "My parcel has not arrived.",
    "login": "I forgot my password.",
}
JUDGE = """
name: tiny
inputs: {output: {type: string}, input: {type: string}}
max_tokens: 40
messages:
  - {role: user, content: "Ticket: {{ input | tojson }} Is its topic {{ output | tojson }}? Give a short reason, then pass or fail."}
response_format:
  type: json_schema
  json_schema:
    name: verdict
    strict: true
    schema:
      type: object
      properties: {reason: {type: string, maxLength: 20}, verdict: {type: string, enum: [pass, fail]}}
      required: [reason, verdict]
      additionalProperties: false
"""


def test_a_model_of_135_million_parameters_is_refused_as_a_judge(tmp_path: Path) -> None:
    (tmp_path / "runner.yaml").write_text("endpoint: local\n")
    (tmp_path / "tiny.prompt.yaml").write_text(JUDGE)
    topics = list(TICKETS)
    with (tmp_path / "labels.jsonl").open("w") as file:
        for number in range(60):
            right = topics[number % 3]
            said = right if number % 2 == 0 else topics[(number + 1) % 3]
            row = {
                "label": "pass" if said == right else "fail",
                "output": said,
                "input": f"{TICKETS[right]} This is ticket {number}.",
            }
            file.write(json.dumps(row) + "\n")
    done = subprocess.run(
        [sys.executable, "-m", "runner", "judge", "calibrate", "labels.jsonl", "--judge", "tiny.prompt.yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=3600,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "do not use" in done.stdout
    assert 'word: "do not use"' in (tmp_path / "tiny.calibration.yaml").read_text()

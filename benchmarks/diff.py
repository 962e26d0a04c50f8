"""How long `runner diff --base HEAD` takes for 1,000 cases whose system prompt was edited, beside `runner check` of them."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 5
CASES = 1_000
GIT = ["git", "-c", "user.name=bench", "-c", "user.email=bench@example.com", "-c", "commit.gpgsign=false"]


def prompt(number: int, cases: int) -> str:
    tests = "".join(
        f"""  - id: case-{index}
    vars: {{ticket: "Parcel {index} of order {number} has not come, and I have been waiting for nine days."}}
    assert:
      - {{type: equals, path: $.category, value: delivery}}
"""
        for index in range(cases)
    )
    return f"""name: triage-{number}
model: gpt-6-luna
temperature: 0
inputs:
  ticket: {{type: string, maxLength: 20000}}
  lang: {{type: string, enum: [en, de], default: en}}
messages:
  - role: system
    content: |-
      {{% include "../shared/house.txt" %}}
      Answer in {{{{ lang }}}}.
  - role: user
    content: "{{{{ ticket }}}}"
response_format:
  type: json_schema
  json_schema:
    name: ticket
    strict: true
    schema:
      type: object
      properties:
        category: {{type: string, enum: [refund, delivery, other]}}
        reasons: {{type: array, items: {{type: string}}}}
      required: [category, reasons]
      additionalProperties: false
tests:
{tests}"""


def seconds(command: list[str], root: Path) -> tuple[float, str]:
    started = time.perf_counter()
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    return time.perf_counter() - started, done.stdout.splitlines()[0]


def project(root: Path, prompts: int) -> None:
    """Write and commit so many prompts with CASES cases in all into an empty folder."""
    (root / "shared").mkdir()
    (root / "prompts").mkdir()
    (root / "shared" / "house.txt").write_text("You classify support tickets.\nBe brief.\n")
    for number in range(prompts):
        (root / "prompts" / f"triage-{number}.prompt.yaml").write_text(prompt(number, CASES // prompts))
    for args in (["init", "-q"], ["add", "."], ["commit", "-qm", "base"]):
        subprocess.run([*GIT, *args], cwd=root, check=True)


def edit(root: Path) -> None:
    """Change what every prompt includes."""
    (root / "shared" / "house.txt").write_text("You classify support tickets.\nBe brief and polite.\n")


def measure(prompts: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        project(root, prompts)
        commands = {
            "check": [sys.executable, "-m", "runner", "check"],
            "diff, nothing changed": [sys.executable, "-m", "runner", "diff", "--base", "HEAD"],
            "diff, every case changed": [sys.executable, "-m", "runner", "diff", "--base", "HEAD"],
        }
        taken: dict[str, float] = {}
        for name, command in commands.items():
            if name.endswith("every case changed"):
                edit(root)
            runs = [seconds(command, root) for _ in range(ROUNDS)]
            taken[name] = statistics.median(each for each, _ in runs)
            ratio = taken[name] / taken["check"]
            print(
                f"{prompts:4} x {CASES // prompts:4}  {name:26} {taken[name]:6.2f} s {ratio:5.1f}x  {runs[-1][1]}"
            )


if __name__ == "__main__":
    print("prompts x cases")
    for prompts in (1, 10, 100):
        measure(prompts)

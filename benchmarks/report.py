"""The HTML report of a large run: `python -m benchmarks.report [--cases 100000]`.

Measured are the command (seconds, CPU, peak memory), the file, and in Chromium: until the overview is there, until every
case can be searched, and the time that a filter over all of their text takes. Without Chromium only the former.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from pathlib import Path

from runner.engine.journal.journal import Journal
from runner.engine.journal.record import Record, journal_line, json_line
from tests.browser.chromium import Chromium, MissingBrowser, Page

from .workbench import machine, measure, write_project

_WORDS = [
    "my",
    "parcel",
    "has",
    "not",
    "come",
    "and",
    "nobody",
    "answers",
    "although",
    "I",
    "called",
    "three",
    "times",
    "please",
    "send",
    "the",
    "money",
    "back",
]
_LABELS = ("refund", "delivery", "complaint", "billing", "other")


def _busy(page: Page) -> float:
    """CPU time of the page's thread, in milliseconds: what it would take if nobody else had the core."""
    metrics = page.send("Performance.getMetrics")["metrics"]
    return 1000 * next(each["value"] for each in metrics if each["name"] == "TaskDuration")


_FILTER = """words => {
    const box = document.getElementById('q');
    box.value = words;
    const began = performance.now();
    box.dispatchEvent(new Event('input', {bubbles: true}));
    return performance.now() - began;
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    cases = parser.parse_args().cases
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_project(root, "http://127.0.0.1:9/v1")
        _write_run(root, cases)
        page = root / "report.html"
        took = measure([sys.executable, "-m", "runner", "report", "-o", str(page)], root)
        size = page.stat().st_size / 1e6
        print(
            f"{cases:,} cases: written in {took.wall:.1f} s ({took.cpu:.1f} s CPU), {took.peak:.0f} MB, file {size:.1f} MB"
        )
        try:
            _open(page)
        except MissingBrowser as error:
            print(error)


def _open(file: Path) -> None:
    with Chromium() as browser:
        began = time.perf_counter()
        page = browser.open(file.as_uri(), wait=False)
        drawn = time.perf_counter() - began
        page.wait("document.documentElement.hasAttribute('data-loaded')")
        whole = time.perf_counter() - began
        page.send("Performance.enable", timeDomain="threadTicks")
        page.run("location.hash = '#cases'")
        print(f"overview after {drawn:.2f} s, all cases after {whole:.2f} s")
        for words in ("nobody", "ticket 77", "no such words", "/par[ck]el .*77/"):
            before = _busy(page)
            took = page.run(f"({_FILTER})({json.dumps(words)})")
            busy = _busy(page) - before
            print(
                f"filter {words!r}: {took:.0f} ms ({busy:.0f} ms CPU), {page.run('document.getElementById(`count`).textContent')}"
            )


def _write_run(root: Path, cases: int) -> None:
    draw = random.Random(1)
    journal = Journal.create(root)
    failed = 0
    for number in range(cases):
        expected = _LABELS[number % len(_LABELS)]
        got = expected if draw.random() > 0.1 else draw.choice(_LABELS)
        failed += got != expected
        said = "as expected:" if got == expected else "expected"
        reasons = [" ".join(draw.choices(_WORDS, k=8)) for _ in range(2)]
        output = {"category": got, "reasons": reasons}
        record: Record = {
            "index": number,
            "prompt": "bench",
            "file": "bench.prompt.yaml",
            "case": f"ticket-{number:06}",
            "variant": None,
            "sample": 0,
            "outcome": "ok",
            "passed": got == expected,
            "output": output,
            "text": json.dumps(output),
            "checks": [
                {
                    "type": "equals",
                    "passed": got == expected,
                    "path": "$.category",
                    "message": f'{said} "{expected}"' + ("" if got == expected else f', got "{got}"'),
                    "expected": expected,
                }
            ],
            "error": None,
            "detail": None,
            "model": "bench",
            "served_model": "bench",
            "finish_reason": "stop",
            "usage": {"prompt_tokens": draw.randrange(80, 140), "completion_tokens": draw.randrange(20, 80)},
            "cost": draw.random() / 1000,
            "latency_ms": round(draw.lognormvariate(6.5, 0.5), 1),
            "attempts": 1,
            "cached": False,
            "fingerprint": "sha256:" + "0" * 64,
            "vars": {"ticket": f"Ticket {number}: " + " ".join(draw.choices(_WORDS, k=60))},
        }
        journal.append(journal_line(json_line(record)))
    journal.write_manifest(
        {
            "format": 1,
            "started": "2026-11-27T09:15:00+00:00",
            "status": "complete",
            "prompts": ["bench.prompt.yaml"],
            "models": ["bench"],
            "endpoints": {},
            "files": {"bench.prompt.yaml": "bench.prompt.yaml"},
            "done": cases,
            "passed": cases - failed,
            "failed": failed,
            "errors": 0,
            "prompt_tokens": 0,
            "completion_tokens": 0,
        }
    )
    journal.close()


if __name__ == "__main__":
    main()

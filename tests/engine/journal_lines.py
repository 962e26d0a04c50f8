"""Journals to read, made of little: `journal(folder, line("ada"), line("bob", outcome="error"))`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["ASKED", "FILE", "NAMES", "journal", "line"]

FILE = "prompts/hello.prompt.yaml"
NAMES = {FILE: FILE, "../shared/x.prompt.yaml": "x.prompt.yaml"}
ASKED = "sha256:" + "0123456789abcdef" * 4


def line(case: str = "ada", **changes: Any) -> dict[str, Any]:
    record = {
        "prompt": "hello",
        "file": FILE,
        "case": case,
        "variant": None,
        "sample": 0,
        "outcome": "ok",
        "passed": True,
        "output": None,
        "text": "hi",
        "checks": [],
        "error": None,
        "detail": None,
        "model": "m",
        "served_model": "m",
        "finish_reason": "stop",
        "usage": None,
        "cost": None,
        "latency_ms": 1.5,
        "attempts": 1,
        "cached": False,
        "fingerprint": ASKED,
        "vars": {},
    }
    return record | changes


def journal(folder: Path, *records: dict[str, Any] | bytes) -> Path:
    path = folder / "results.jsonl"
    path.write_bytes(
        b"".join(
            record if isinstance(record, bytes) else json.dumps(record).encode() + b"\n" for record in records
        )
    )
    return path

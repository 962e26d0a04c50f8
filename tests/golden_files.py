"""What a person reads, compared to the byte with a file under tests/golden; `UPDATE_GOLDEN=1 pytest …` writes it anew.

Git then shows what changed. Look at it as a reader of the message would, and commit it with what changed it.
"""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["GOLDEN", "assert_golden"]

GOLDEN = Path(__file__).parent / "golden"


def assert_golden(name: str, text: str) -> None:
    path = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    assert text == path.read_bytes().decode()

"""Replay the tests of a pack offline with the answers that it ships, as users of the pack can."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from ..engine.plan.job import Unit
from ..engine.plan.selection import Selection
from ..files.disk.tree import Tree
from .replay import replay
from .snapshots.approved import changed_parts, shipped_file, shipped_with
from .snapshots.snapshot import FOLDER, SUFFIX

__all__ = ["Tested", "replay_shipped", "unused_answers"]


@dataclass(frozen=True, slots=True)
class Tested:
    """The result of one test: `outdated` means no answer, or an answer to another request. `file` has the answer."""

    name: str
    verdict: Literal["pass", "fail", "outdated"]
    reason: str
    file: str


def replay_shipped(units: Sequence[Unit]) -> Iterator[Tested]:
    """Replay every test of pack prompts. Raises what rendering and reading the answers raise."""
    for unit in units:
        prompt = unit.prompt
        for case in Selection().cases(unit) if prompt.tests else ():
            job = unit.job(case)
            variant = f"@{unit.variant}" if unit.variant else ""
            name, file = f"{prompt.name}/{case.id}{variant}", shipped_file(prompt, case.id, unit.variant)
            answer = shipped_with(prompt, case.id, unit.variant)
            if answer is None:
                yield Tested(name, "outdated", "the pack has no approved answer for it", file)
            elif answer.request not in job.fingerprints():
                reason = f"its answer belongs to another request: {changed_parts(answer, job)} changed"
                yield Tested(name, "outdated", reason, file)
            else:
                replayed = replay(unit, case, answer)
                word: Literal["pass", "fail", "outdated"] = "pass" if replayed.passed else "fail"
                if replayed.unjudged is not None:
                    word = "outdated"
                yield Tested(name, word, replayed.reason, file)


def unused_answers(tree: Tree, used: set[str]) -> Iterator[str]:
    """Yield the answer files in a pack that no test refers to."""
    for file in tree.files():
        in_folder = posixpath.basename(posixpath.dirname(posixpath.dirname(file))) == FOLDER
        if in_folder and file.endswith(SUFFIX) and file not in used:
            yield file

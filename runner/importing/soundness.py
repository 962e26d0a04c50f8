"""Make sure that the result passes `runner check`: remove parts that it would reject, and report them as lost.

The draft is checked like a prompt file, in memory. The assertion, test or key that causes an error is removed and
counted as lost; if an error cannot be attributed to one of them, the whole prompt is lost.
"""

from __future__ import annotations

from pathlib import Path

from ..engine.plan.lint import lint_prompt
from ..errors import FileError, Location, Problems, RunnerError
from ..files.disk.tree import MemoryTree
from ..files.project import load_project_from
from ..files.prompt import load_prompt
from ..regress.rules.rules import compile_rules
from .drafts import CaseDraft, Draft, FieldDraft, Mapped, Written, write

__all__ = ["CHECK", "INCOMPLETE", "faults_in", "make_sound", "mark"]

CHECK = "I190"
"""The code of an item that `runner check` would reject."""

_NEEDED = frozenset({"messages", "inputs", "template", "model"})


def make_sound(draft: Draft) -> Written | None:
    """Return the text of the draft without the parts that would be rejected; None if the whole prompt would be rejected."""
    tests = list(draft.tests)
    while True:
        written = write(draft)
        found = _faults(draft, written)
        if not found:
            return written
        progress = False
        for error in found:
            line = error.location.line if error.location else None
            if line is not None and _give_up(draft, written, line, error):
                progress = True
        if not progress or (tests and not draft.tests):
            first = found[0]
            why = f"runner check would reject the result: {first.message}"
            draft.entry.lose(CHECK, why)
            for part in draft.fields.values():
                if part.entry is not None:
                    part.entry.lose(CHECK, why)
            for entry in (
                *(each.entry for each in draft.asserts),
                *(each.entry for case in tests for each in case.asserts),
                *(case.entry for case in tests),
            ):
                entry.lose(CHECK, why)
            return None


def _faults(draft: Draft, written: Written) -> list[RunnerError]:
    return faults_in(draft, written.text)


def faults_in(draft: Draft, text: str) -> list[RunnerError]:
    """Return the errors of the text of a prompt file; errors in files beside it count for the whole prompt."""
    name = f"{draft.name}.prompt.yaml"
    tree = MemoryTree({name: text.encode(), **draft.files})
    project = load_project_from(MemoryTree({}), Path("/"), environ={})  # the environment is not read
    try:
        prompt = load_prompt(name, tree)
        compile_rules(prompt, project)
    except Problems as problems:
        return list(problems.errors)
    except RunnerError as error:
        return [error]
    found = lint_prompt(prompt, project)
    remarks = [
        RunnerError(f"{remark.code} {remark.message}", location=remark.location)
        for remark in found.remarks
        if remark.severity == "error"
    ]
    flat: list[RunnerError] = []
    for each in found.errors:
        flat.extend(each.errors if isinstance(each, Problems) else (each,))
    return [
        fault if fault.location is None or fault.location.path == name else _elsewhere(fault)
        for fault in (*flat, *remarks)
    ]


def _elsewhere(error: RunnerError) -> RunnerError:
    return RunnerError(error.message, location=Location(str(error.location)))


def _give_up(draft: Draft, written: Written, line: int, error: RunnerError) -> bool:
    found = written.piece_at(line)
    if found is None:
        return False
    piece, case = found
    why = f"runner check would reject it: {error.message}"
    if isinstance(piece, FieldDraft) and isinstance(error, FileError) and error.case is not None:
        of_case = written.piece_at(error.case.line or 0)
        if of_case is not None:  # the messages cannot be rendered with the variables of this test
            why = f"its messages cannot be rendered: {error.message.partition(' (with the variables')[0]}"
            piece = of_case[0]
    if isinstance(piece, Mapped):
        if piece in draft.asserts:
            draft.asserts.remove(piece)
        elif case is not None and piece in case.asserts:
            case.asserts.remove(piece)
            mark(case)
        else:
            return False
        piece.entry.lose(CHECK, why)
        return True
    if isinstance(piece, CaseDraft):
        if piece not in draft.tests:
            return False
        draft.tests.remove(piece)
        piece.entry.lose(CHECK, why)
        for each in piece.asserts:
            each.entry.lose(CHECK, why)
        return True
    return _give_up_field(draft, piece, why)


def _give_up_field(draft: Draft, piece: FieldDraft, why: str) -> bool:
    name = next((key for key, part in draft.fields.items() if part is piece), None)
    if name is None or name in _NEEDED or piece.entry is None:
        return False
    del draft.fields[name]
    piece.entry.lose(CHECK, why)
    return True


INCOMPLETE = "import-incomplete"
"""The tag of a case, or of a prompt, that lost some of its assertions."""


def mark(case: CaseDraft) -> None:
    """Tag a case as one with fewer assertions than in the source."""
    tags = case.fields.get("tags")
    known = tags if isinstance(tags, list) else []
    if INCOMPLETE not in known:
        case.fields = {**case.fields, "tags": [*known, INCOMPLETE]}

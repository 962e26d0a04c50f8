"""Convert the assertions that an earlier import kept under `x-import`, where runner can by now, in the text of a prompt file.

Everything else in the file stays as it is. The new text is parsed and compared with what it should be, and checked as by
`runner check`; an assertion for which that fails stays under `x-import`.
"""

from __future__ import annotations

import copy
from typing import Any

from yaml.error import YAMLError
from yaml.nodes import MappingNode, SequenceNode
from yaml.nodes import Node as YamlNode

from ..documents.documents import Document, parse_document
from ..documents.text import TextError
from ..documents.yaml_compose import compose_python
from ..documents.yaml_edit import behind, child, without_entry, without_item
from ..errors import FileError
from ..files.case_ids import case_id
from ..regress.snapshots.writer import emit
from ..values import Json, JsonObject
from .comments import Comments
from .drafts import Draft
from .kept import VERSION
from .ledger import Ledger
from .nodes import Node, root_of
from .promptfoo.assertions import Given, mapped
from .promptfoo.judged import JudgeSettings
from .promptfoo.source_assertions import read_assertions
from .soundness import CHECK, INCOMPLETE, faults_in
from .sources import Folder

__all__ = ["convert_again", "is_kept"]

_DEEPEST = 100
_SAME_AS_BEFORE = "what it needs is not in the prompt file: {}"


def is_kept(document: Document) -> bool:
    """Return whether a prompt file has assertions of a source that an import kept."""
    block = root_of(document).get("x-import")
    lost = block.get("lost") if block is not None else None
    return lost is not None and isinstance(lost.value, list) and bool(lost.value)


def convert_again(name: str, folder: Folder, ledger: Ledger) -> str:
    """Return the text of a prompt file in which the kept assertions are converted, as far as possible.

    Each of them is an item of the ledger. Raises a FileError if the file cannot be read.
    """
    text = folder.text(name)
    document = folder.document(name)
    block = root_of(document).get("x-import")
    lost = block.get("lost") if block is not None else None
    kept = list(lost.items()) if lost is not None else []
    done = 0
    for each in kept:
        entry = ledger.add("assertion", each.location, _title(each))
        specs = _converted(each, block, document, folder, ledger)
        if isinstance(specs, tuple):
            entry.lose(*specs)
            continue
        new = _edited(text, each.path[-1] - done if isinstance(each.path[-1], int) else 0, specs)
        if new is None:
            entry.lose(CHECK, "it cannot be inserted into this layout of the file: insert it by hand")
        elif faults := faults_in(Draft(name.removesuffix(".prompt.yaml"), entry), new):
            entry.lose(CHECK, f"runner check would reject it: {faults[0].message}")
        else:
            text, done = new, done + 1
    return text


def _title(kept: Node) -> str:
    written = kept.get("assert")
    kind = written.get("type") if written is not None else None
    return f'assertion "{kind.value}"' if kind is not None else "assertion"


def _converted(
    kept: Node, block: Node | None, document: Document, folder: Folder, ledger: Ledger
) -> list[JsonObject] | tuple[str, str]:
    """Return the assertions of runner, or the code and the reason of the loss."""
    code = kept.get("code")
    before = code.text if code is not None and code.text else CHECK
    origin, version = (block.get("from"), block.get("version")) if block is not None else (None, None)
    if origin is None or origin.value != "promptfoo" or version is None or version.value != VERSION:
        return before, "runner cannot convert kept assertions of this source"
    beside = kept.get("beside")
    for missing in ("transform", "rubricPrompt"):
        if beside is not None and beside.get(missing) is not None:
            return before, _SAME_AS_BEFORE.format(missing)
    values = _values(kept, document)
    if isinstance(values, str):
        return before, values
    inner = Ledger()
    sources = list(read_assertions(kept.get("assert"), "", root_of(document), inner))
    if len(sources) != 1:
        return before, "it is a set of assertions"
    asked = root_of(document).get("response_format")
    form = asked.get("type") if asked is not None else None
    given = Given(
        values,
        lambda name: name,
        form is not None and form.value == "json_schema",
        form is not None and form.value in ("json_schema", "json_object"),
        folder,
        ledger,
        judge=JudgeSettings(beside.get("provider") if beside is not None else None),
    )
    made = mapped(sources[0], given, Comments())
    if sources[0].entry.lost:
        return sources[0].entry.code or before, sources[0].entry.why or ""
    return [each.spec for each in made]


def _values(kept: Node, document: Document) -> JsonObject | str | None:
    """Return the variables of the case of a kept assertion, None if it is for all cases, or why there are none."""
    case = kept.get("case")
    if case is None:
        return None
    found = _case(document.value, str(case.value))
    if found is None:
        return f"there is no test {case.value} any more"
    values = found.get("vars")
    return values if isinstance(values, dict) else {}


def _case(value: Json, called: str) -> dict[str, Any] | None:
    tests = value.get("tests") if isinstance(value, dict) else None
    for test in tests if isinstance(tests, list) else ():
        if isinstance(test, dict) and "file" not in test:
            given = test.get("vars")
            if test.get("id", case_id(given if isinstance(given, dict) else {})) == called:
                return test
    return None


def _edited(text: str, index: int, specs: list[JsonObject]) -> str | None:
    """Return the text with the assertions in their case, and without the kept one; None if that is not safe."""
    try:
        old: Any = parse_document(text.encode(), "prompt").value
        expected: Any = copy.deepcopy(old)
        kept = expected["x-import"]["lost"].pop(index)
        case = _case(expected, str(kept["case"])) if "case" in kept else expected
        if case is None:
            return None
        number = (
            None
            if case is expected
            else next(at for at, each in enumerate(expected["tests"]) if each is case)
        )
        case.setdefault("assert", []).extend(specs)
        complete = not any(each.get("case") == kept.get("case") for each in expected["x-import"]["lost"])
        if complete and INCOMPLETE in case.get("tags", []):
            case["tags"].remove(INCOMPLETE)
            if not case["tags"]:
                del case["tags"]
        else:
            complete = False
        new = _without_tag(text, number) if complete else text
        new = new and _inserted(new, number, specs)
        new = new and _without_kept(new, index)
        if new is None or parse_document(new.encode(), "prompt").value != expected:
            return None
    except (FileError, TextError, YAMLError, KeyError, IndexError, StopIteration):
        return None
    return new


def _place(text: str, number: int | None) -> MappingNode | None:
    """Return the mapping that has the assertions: the whole file, or one of its tests."""
    root: YamlNode | None = compose_python(text, _DEEPEST)
    if number is not None and isinstance(root, MappingNode):
        tests = child(root, "tests")
        root = tests.value[number] if isinstance(tests, SequenceNode) else None
    return root if isinstance(root, MappingNode) and not root.flow_style else None


def _inserted(text: str, number: int | None, specs: list[JsonObject]) -> str | None:
    place = _place(text, number)
    if place is None:
        return None
    asserts = child(place, "assert")
    lines = list(emit({"assert": specs}))[1:]
    if asserts is None:
        pad = " " * place.start_mark.column
        return behind(
            text, place, "\n".join(f"{pad}{line}" if line else line for line in ("assert:", *lines))
        )
    if not isinstance(asserts, SequenceNode) or asserts.flow_style:
        return None
    pad = " " * max(asserts.start_mark.column - 2, 0)
    return behind(text, asserts, "\n".join(f"{pad}{line}" if line else line for line in lines))


def _without_tag(text: str, number: int | None) -> str | None:
    place = _place(text, number)
    tags = child(place, "tags") if place is not None else None
    if place is None or not isinstance(tags, SequenceNode):
        return None
    if len(tags.value) == 1:
        return without_entry(text, place, "tags")
    at = next(index for index, each in enumerate(tags.value) if each.value == INCOMPLETE)
    return without_item(text, tags, at)


def _without_kept(text: str, index: int) -> str | None:
    place = _place(text, None)
    block = child(place, "x-import") if place is not None else None
    lost = child(block, "lost") if isinstance(block, MappingNode) else None
    if not isinstance(block, MappingNode) or not isinstance(lost, SequenceNode) or lost.flow_style:
        return None
    if len(lost.value) > 1:
        return without_item(text, lost, index)
    pad = " " * block.start_mark.column
    shorter = without_entry(text, block, "lost")
    inner = compose_python(shorter, _DEEPEST) if shorter is not None else None
    rest = child(inner, "x-import") if isinstance(inner, MappingNode) else None
    return behind(shorter, rest, f"{pad}lost: []") if shorter is not None and rest is not None else None

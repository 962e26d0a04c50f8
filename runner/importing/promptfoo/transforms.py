"""Translate code that changes the answer before promptfoo judges it: an expression becomes a part of the assertions."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from ...values import Json, JsonObject
from ..javascript.assertions import NotTranslatableError, changed_answer
from ..ledger import Entry
from ..nodes import Node

__all__ = ["Transform", "applied", "read_transform"]


@dataclass(frozen=True, slots=True)
class Transform:
    """A transform of the source with its item; `code` is None if it has no equivalent expression."""

    entry: Entry
    code: str | None


def read_transform(node: Node, entry: Entry) -> Transform:
    """Return the transform in a node. A transform that cannot be translated is recorded as lost."""
    code = node.text
    if code is None or code.startswith("file://"):
        entry.lose("I205", "code changes the answer before it is judged")
        return Transform(entry, None)
    try:
        changed_answer(code, parsed=False, rename=str)
    except NotTranslatableError as error:
        entry.lose("I205", f"code changes the answer before it is judged: {error}")
        return Transform(entry, None)
    return Transform(entry, code)


def applied(spec: JsonObject, code: str, rename: Callable[[str], str]) -> JsonObject:
    """Return an assertion about the answer as the code changes it. Raises NotTranslatableError."""
    answer, is_text = changed_answer(code, parsed=False, rename=rename)
    if not is_text:
        raise NotTranslatableError("its result may not be a string")
    kind = str(spec["type"])
    plain = kind.removeprefix("not-")
    value = spec.get("value")
    made = _expression(plain, value, answer)
    if made is None or (plain == "is-json" and plain != kind):
        raise NotTranslatableError(f"{kind} has no equivalent expression")
    return {"type": "expr", "value": made if plain == kind else f"not ({made})"}


def _expression(kind: str, value: Json, answer: str) -> str | None:
    texts = [json.dumps(each, ensure_ascii=False) for each in (value if isinstance(value, list) else [value])]
    folded = [each.lower() for each in texts]
    parts = {
        "contains": [f"{each} in {answer}" for each in texts],
        "icontains": [f"{each} in ({answer} | lower)" for each in folded],
        "starts-with": [f"{answer}.startswith({each})" for each in texts],
        "regex": [f"{answer} is search({each})" for each in texts],
        "equals": [f"{answer} == {each}" for each in texts] if isinstance(value, str) else None,
        "is-json": [f"({answer} | fromjson) is defined"] if value is None else None,
    }
    found = parts.get(kind.removesuffix("-any").removesuffix("-all"))
    if found is None:
        return None
    return (" and " if kind.endswith("-all") else " or ").join(found)

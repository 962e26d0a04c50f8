"""Convert promptfoo's assertions: each becomes an assertion that holds for the same answers, or is lost with a reason."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ...errors import RunnerError
from ...files.assertion_types import assertion_type
from ...values import Json, JsonObject
from ..comments import Comments
from ..drafts import Mapped
from ..javascript.assertions import NotTranslatableError, as_assertion, lacks_return
from ..ledger import Ledger
from ..nodes import root_of
from ..sources import Folder
from .assertion_values import by_type
from .cases import spelt
from .judged import NOBODY, JudgeSettings, judged
from .source_assertions import CODE, JUDGED, Lost, SourceAssertion, decides_nothing, plain_type, title_of
from .transforms import Transform, applied

__all__ = ["Given", "mapped"]

_BROKEN = frozenset(
    {"length", "valid-json", "empty", "not-empty", "b-eval", "json", "json-schema", "exact", "exact-match"}
)
_NOT_ABOUT_THE_TEXT = {"latency", "cost", "finish-reason"}


@dataclass(frozen=True, slots=True)
class Given:
    """The context of an assertion: the values of the case, the names of variables in runner, and the prompt.

    `parsed`: promptfoo parses the answer before it is judged (json_schema). `json`: the prompt asks for JSON. `transform`
    changes the answer before that. `judge`: who judges it, if the assertion does not say.
    """

    values: Mapping[str, Json] | None
    rename: Callable[[str], str]
    parsed: bool
    json: bool
    folder: Folder
    ledger: Ledger
    transform: Transform | None = None
    judge: JudgeSettings = NOBODY

    @property
    def beside(self) -> JsonObject:
        """Return the settings outside of an assertion that its meaning depends on."""
        found: dict[str, Json] = {}
        if self.transform is not None:
            found["transform"] = self.transform.code
        if self.judge.provider is not None:
            found["provider"] = self.judge.provider.value
        if self.judge.own_prompt:
            found["rubricPrompt"] = True
        return found


def mapped(source: SourceAssertion, given: Given, comments: Comments) -> list[Mapped]:
    """Return the assertions of runner; none if it is implied or lost, which its item records."""
    try:
        if source.lost is not None:
            raise source.lost
        if decides_nothing(source):
            source.entry.drop("I507", "it has weight 0: promptfoo scores it, and it always passes")
            return []
        specs = _specs(source, given)
    except Lost as lost:
        source.entry.lose(lost.code, lost.why)
        for transform in (source.transform, given.transform):
            if lost.code == "I205" and transform is not None:
                transform.entry.lose("I205", "code changes the answer before it is judged")
        return []
    return [
        Mapped({**spec, **source.score}, source.entry, comments.above(source.node) if first else ())
        for first, spec in zip((True, *(False for _ in specs)), specs, strict=False)
    ]


def _specs(source: SourceAssertion, given: Given) -> list[JsonObject]:
    node = source.node
    if isinstance(node.value, str):
        raise Lost("I505", "an assertion must be an object, not a string")
    kind_node = node.get("type")
    if kind_node is None or kind_node.text is None:
        raise Lost("I505", "it has no type")
    written = kind_node.text.strip()
    kind = plain_type(written)
    negated = written.startswith("not-")
    value = node.value.get("value") if isinstance(node.value, dict) else None
    if isinstance(value, str) and value.startswith("file://"):
        value = _of_file(source, value, given)
    if kind in JUDGED:
        if _transform(source, given) is not None:
            raise Lost("I205", "it judges the answer after a transform")
        return judged(kind, _expanded(value, given), source, given.judge, given.ledger, negated=negated)
    if kind == "javascript":
        return [_javascript(str(value) if value is not None else "", given, source, negated=negated)]
    if kind in CODE:
        raise Lost("I503", "code is not run")
    if kind in _BROKEN and assertion_type(written) is None:
        raise Lost("I505", f"promptfoo has no type {written}: it fails in promptfoo, too")
    spec = by_type(kind, _expanded(value, given), source, wants_json=given.json, negated=negated)
    transform = None if kind in _NOT_ABOUT_THE_TEXT else _transform(source, given)
    if transform is None:
        return [] if spec is None else [spec]
    if spec is None or given.json or transform.code is None:
        raise Lost("I205", "it judges the answer after a transform")
    try:
        return [applied(spec, transform.code, given.rename)]
    except NotTranslatableError as error:
        raise Lost("I205", f"it judges the answer after a transform: {error}") from None


def _transform(source: SourceAssertion, given: Given) -> Transform | None:
    """Return the code that changes the answer before this assertion sees it. Raises Lost if it cannot be translated."""
    if source.transform is not None and given.transform is not None:
        raise Lost("I205", "it judges the answer after two transforms")
    transform = source.transform or given.transform
    if transform is not None and transform.code is None:
        raise Lost("I205", "it judges the answer after a transform")
    return transform


def _of_file(source: SourceAssertion, value: str, given: Given) -> Json:
    reference = value.removeprefix("file://")
    if re.search(r"\.(?:py|js|mjs|cjs|ts|mts|rb)(?::[\w.]+)?$", reference):
        raise Lost("I503", f"{reference} is code, which is not run")
    try:
        name = given.folder.name_of(source.base, reference, source.node.location)
        if name.endswith((".json", ".yaml", ".yml")):
            return root_of(given.folder.document(name, source.node.location)).value
        return given.folder.text(name, source.node.location).strip()
    except RunnerError as error:
        raise Lost("I302", error.message) from None


def _javascript(code: str, given: Given, source: SourceAssertion, *, negated: bool) -> JsonObject:
    code = _without_tags(code, given)
    transform = _transform(source, given)
    threshold = source.node.get("threshold")
    least = threshold.value if threshold is not None else None
    if isinstance(least, bool) or not isinstance(least, int | float | None):
        raise Lost("I505", "its threshold is not a number")
    if negated and re.search(r"\btry\b", code):
        raise Lost("I503", "JavaScript: an assertion that must not hold has a `try`")
    try:
        spec = as_assertion(
            code,
            parsed=given.parsed,
            rename=given.rename,
            threshold=least,
            through=transform.code if transform else None,
        )
    except NotTranslatableError as error:
        raise Lost("I503", f"JavaScript: {error}") from None
    if lacks_return(code):
        given.ledger.remark(
            source.node.location, "I510", title_of(source.node),
            "code of several lines without `return` always fails in promptfoo; in runner its last expression counts",
        )  # fmt: skip
    if negated:
        kind = str(spec["type"])
        spec = {**spec, "type": kind.removeprefix("not-") if kind.startswith("not-") else f"not-{kind}"}
    return {key: value for key, value in spec.items() if isinstance(value, str)}


def _without_tags(code: str, given: Given) -> str:
    """Render the code as a template, as promptfoo does."""
    if "{{" not in code and "{%" not in code:
        return code
    rendered = _expanded(code, given)
    return str(rendered)


_TAG = re.compile(r"\{\{\s*([^\W\d]\w*(?:\.\w+)*)\s*(\|\s*(?:dump|trim|lower|upper|safe)\s*)?\}\}")


def _expanded(value: Json, given: Given) -> Json:
    """Return a value in which `{{ name }}` is replaced by the value of the case."""
    if isinstance(value, list):
        return [_expanded(each, given) for each in value]
    if not isinstance(value, str) or not re.search(r"\{[{%#]", value):
        return value

    def replaced(found: re.Match[str]) -> str:
        name, _, rest = found[1].partition(".")
        if name == "env":
            raise Lost("I104", "it reads the environment")
        part: Json = (given.values or {}).get(name)
        for step in rest.split(".") if rest else ():
            part = part.get(step) if isinstance(part, dict) else None
        text = spelt(part)
        for filter_, change in (("trim", str.strip), ("lower", str.lower), ("upper", str.upper)):
            if found[2] and filter_ in found[2]:
                text = change(text)
        if found[2] and "dump" in found[2]:
            return json.dumps(part, ensure_ascii=False, separators=(",", ":"))
        return text

    if re.search(r"\{%", value) or re.search(r"\{\{", _TAG.sub("", value)):
        if re.search(r"\{\{[^}]*\benv\b", value):
            raise Lost("I104", "it reads the environment")
        raise Lost("I506", "its value is a template with more than variables")
    return _TAG.sub(replaced, value)

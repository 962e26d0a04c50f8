"""Convert promptfoo's assertions: each becomes an assertion that holds for the same answers, or is lost with a reason."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ...documents.yaml_reader import parse_yaml
from ...errors import RunnerError
from ...files.assertion_types import assertion_type
from ...patterns import PatternError
from ...values import Json, JsonObject
from ..comments import Comments
from ..drafts import Mapped
from ..javascript.assertions import NotTranslatableError, as_assertion, lacks_return
from ..kept import JUDGED_BY_MODEL
from ..ledger import Entry, Ledger
from ..nodes import Node, root_of
from ..regexes import python_pattern
from ..sources import Folder
from .cases import spelt
from .transforms import Transform, applied, read_transform

__all__ = ["JUDGED", "Given", "Lost", "SourceAssertion", "mapped", "read_assertions", "uses_variables"]

JUDGED = frozenset(
    {
        "llm-rubric", "g-eval", "factuality", "model-graded-closedqa", "model-graded-factuality", "answer-relevance",
        "context-recall", "context-relevance", "context-faithfulness", "conversation-relevance", "select-best", "max-score", "pi",
        "search-rubric", "agent-rubric", "classifier", "moderation",
    }
)  # fmt: skip
"""The types in which a model judges the answer."""

_CODE = frozenset({"python", "ruby", "webhook", "javascript"})
_MEASURED = {"similar": "it compares embeddings, which need a model", "perplexity": "it needs log probabilities",
             "perplexity-score": "it needs log probabilities"}  # fmt: skip
_BROKEN = frozenset(
    {"length", "valid-json", "empty", "not-empty", "b-eval", "json", "json-schema", "exact", "exact-match"}
)
_NOT_ABOUT_THE_TEXT = {"latency", "cost", "finish-reason"}
_AS_OURS = {"eval": "javascript", "fn": "javascript"}


@dataclass(slots=True)
class SourceAssertion:
    """An assertion of the source with its item; `default` if it applies to all tests."""

    node: Node
    entry: Entry
    base: str
    default: bool = False
    lost: Lost | None = None
    transform: Transform | None = None


@dataclass(frozen=True, slots=True)
class Given:
    """The context of an assertion: the values of the case, the names of variables in runner, and the prompt.

    `parsed`: promptfoo parses the answer before it is judged (json_schema). `json`: the prompt asks for JSON. `transform`
    changes the answer before that.
    """

    values: Mapping[str, Json] | None
    rename: Callable[[str], str]
    parsed: bool
    json: bool
    folder: Folder
    ledger: Ledger
    transform: Transform | None = None


class Lost(Exception):
    """An assertion has no equivalent."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code
        self.why = why


def read_assertions(
    node: Node | None, base: str, root: Node, ledger: Ledger, *, default: bool = False, depth: int = 0
) -> Iterator[SourceAssertion]:
    """Yield the assertions of a list, including those in an `assert-set`, with references within the file resolved."""
    if node is None or depth > 10:
        return
    if isinstance(node.value, dict):
        node = Node([node.value], node.document, node.path, node.fixed)
        items = (
            [Node(node.value[0], node.document, node.path, node.fixed)]
            if isinstance(node.value, list)
            else []
        )
    else:
        items = list(node.items())
    for item in items:
        found = _resolved(item, root)
        kind = found.get("type")
        if kind is not None and kind.value == "assert-set":
            yield from _of_set(item, found, base, root, ledger, default=default, depth=depth)
            continue
        entry = ledger.take("assertion", item.location, _title(found))
        source = SourceAssertion(found, entry, base, default)
        try:
            _settings(source, ledger)
        except Lost as lost:
            source.lost = lost
        yield source


def _of_set(
    item: Node, found: Node, base: str, root: Node, ledger: Ledger, *, default: bool, depth: int
) -> Iterator[SourceAssertion]:
    """Yield the assertions of a set, all of which must hold. With a threshold, the whole set is lost."""
    inner = list(read_assertions(found.get("assert"), base, root, ledger, default=default, depth=depth + 1))
    threshold = found.get("threshold")
    if threshold is not None and isinstance(threshold.value, int | float) and threshold.value < 1:
        entry = ledger.take("assertion", item.location, "assert-set")
        entry.lose("I504", "only a part of the set has to hold; in runner every assertion must hold")
        for each in inner:
            each.entry.lose("I504", "it is in a set of which only a part has to hold")
        return
    yield from inner


def _resolved(node: Node, root: Node) -> Node:
    """Return the assertion to which `$ref: "#/assertionTemplates/name"` refers."""
    reference = node.get("$ref")
    if reference is None or reference.text is None or not reference.text.startswith("#/"):
        return node
    target: Node | None = root
    for part in reference.text[2:].split("/"):
        target = target.get(part) if target is not None else None
    return target if target is not None and isinstance(target.value, dict) else node


def _title(node: Node) -> str:
    kind = node.get("type")
    return f'assertion "{kind.value}"' if kind is not None and isinstance(kind.value, str) else "assertion"


def mapped(source: SourceAssertion, given: Given, comments: Comments) -> Mapped | None:
    """Return the assertion of runner; None if it is implied or lost, which its item records."""
    try:
        if source.lost is not None:
            raise source.lost
        if _decides_nothing(source):
            source.entry.drop("I507", "it has weight 0: promptfoo scores it, and it always passes")
            return None
        spec = _spec(source, given)
    except Lost as lost:
        source.entry.lose(lost.code, lost.why)
        for transform in (source.transform, given.transform):
            if lost.code == "I205" and transform is not None:
                transform.entry.lose("I205", "code changes the answer before it is judged")
        return None
    if spec is None:
        return None
    return Mapped(spec, source.entry, comments.above(source.node))


def _spec(source: SourceAssertion, given: Given) -> JsonObject | None:
    node = source.node
    if isinstance(node.value, str):
        raise Lost("I505", "an assertion must be an object, not a string")
    kind_node = node.get("type")
    if kind_node is None or kind_node.text is None:
        raise Lost("I505", "it has no type")
    written = kind_node.text.strip()
    kind = _plain(written)
    negated = written.startswith("not-")
    if kind in JUDGED:
        raise Lost("I502", JUDGED_BY_MODEL)
    if kind in _MEASURED:
        raise Lost("I501", _MEASURED[kind])
    value = node.value.get("value") if isinstance(node.value, dict) else None
    if isinstance(value, str) and value.startswith("file://"):
        value = _of_file(source, value, given)
    if kind == "javascript":
        return _javascript(str(value) if value is not None else "", given, source, negated=negated)
    if kind in _CODE:
        raise Lost("I503", "code is not run")
    if kind in _BROKEN and assertion_type(written) is None:
        raise Lost("I505", f"promptfoo has no type {written}: it fails in promptfoo, too")
    value = _expanded(value, given)
    spec = _by_type(kind, value, source, given, negated=negated)
    transform = None if kind in _NOT_ABOUT_THE_TEXT else _transform(source, given)
    if transform is None:
        return spec
    if spec is None or given.json or transform.code is None:
        raise Lost("I205", "it judges the answer after a transform")
    try:
        return applied(spec, transform.code, given.rename)
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


def _plain(written: str) -> str:
    """Return a type without `not-` and without the part after a colon (similar:cosine)."""
    kind = written.strip().removeprefix("not-").partition(":")[0]
    return _AS_OURS.get(kind, kind)


def _settings(source: SourceAssertion, ledger: Ledger) -> None:
    """Read the keys other than type and value. Raises Lost."""
    type_node = source.node.get("type")
    kind = _plain(type_node.text) if type_node is not None and type_node.text else ""
    for key, node in source.node.entries():
        if key in ("type", "value", "threshold", "$ref"):
            continue
        if key == "transform" and kind not in JUDGED:
            source.transform = read_transform(node, source.entry)
        elif key == "weight":
            why = "it affects only the score; every assertion must hold"
            if node.value == 0:
                why = "it excludes the assertion from the verdict"
            ledger.take("key", node.key_location, '"weight" of an assertion').drop("I507", why)
        elif key == "metric":
            ledger.take("key", node.key_location, '"metric" of an assertion').drop(
                "I507", "it names a score; the verdict is the same"
            )
        elif key in ("provider", "rubricPrompt", "contextTransform", "transform") and kind in JUDGED:
            continue  # kept with the assertion
        elif key == "config" and kind in _CODE:
            raise Lost("I503", "its code reads its own config")
        else:  # `provider`, `rubricPrompt`, `config` and other keys that people write
            ledger.take("key", node.key_location, f'"{key}" of an assertion').drop(
                "I507", f"promptfoo does not read {key} in an assertion of this type"
            )


def _decides_nothing(source: SourceAssertion) -> bool:
    """Return whether the assertion has `weight: 0`, with which it always passes in promptfoo."""
    weight = source.node.get("weight")
    return weight is not None and weight.value == 0 and weight.value is not False


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
            source.node.location, "I510", _title(source.node),
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


def uses_variables(source: SourceAssertion) -> bool:
    """Return whether its value depends on the case."""
    value = source.node.value.get("value") if isinstance(source.node.value, dict) else None
    texts = value if isinstance(value, list) else [value]
    return any(isinstance(each, str) and re.search(r"\{[{%]", each) for each in texts)


def _by_type(
    kind: str, value: Json, source: SourceAssertion, given: Given, *, negated: bool
) -> JsonObject | None:
    prefix = "not-" if negated else ""
    threshold = source.node.value.get("threshold") if isinstance(source.node.value, dict) else None
    if kind in ("contains", "icontains"):
        text = _text(value)
        if not text:
            raise Lost("I505", "its value is empty: it fails in promptfoo, too")
        return {"type": prefix + kind, "value": text}
    if kind in ("contains-any", "contains-all", "icontains-any", "icontains-all"):
        texts = _texts(value)
        return {"type": prefix + kind, "value": list(texts)}
    if kind == "starts-with":
        if not isinstance(value, str) or not value:
            raise Lost("I505", "its value is not a string: it fails in promptfoo, too")
        return {"type": prefix + kind, "value": value}
    if kind == "equals":
        return _equals(value, given, prefix=prefix)
    if kind == "regex":
        if not isinstance(value, str) or not value:
            raise Lost("I505", "its value is not a string: it fails in promptfoo, too")
        try:
            return {"type": f"{prefix}regex", "value": python_pattern(value)}
        except PatternError as error:
            raise Lost("I505", f"the pattern is not valid in Python: {error}") from None
    if kind in ("is-json", "contains-json"):
        return _json(kind, value, source, given, prefix=prefix)
    if kind in ("latency", "cost"):
        if isinstance(threshold, bool) or not isinstance(threshold, int | float):
            raise Lost("I505", "it has no threshold: it fails in promptfoo, too")
        return {"type": prefix + kind, "threshold": threshold}
    if kind == "word-count":
        return _word_count(value, prefix=prefix)
    if kind == "levenshtein":
        if not isinstance(value, str) or not value:
            raise Lost("I505", "its value is not a string")
        made: JsonObject = {"type": f"{prefix}levenshtein", "value": value}
        if isinstance(threshold, int | float) and not isinstance(threshold, bool):
            made = {**made, "threshold": int(threshold)}
        return made
    if kind == "finish-reason" and isinstance(value, str) and value:
        return {"type": f"{prefix}finish-reason", "value": value}
    if kind == "is-refusal":
        raise Lost(
            "I501",
            "it guesses from the words of an answer; `outcome: refused` checks the field of the provider",
        )
    if kind == "ends-with":
        raise Lost("I505", "promptfoo has no type ends-with: it fails in promptfoo, too")
    raise Lost("I501", "there is no such check")


def _text(value: Json) -> str:
    if isinstance(value, bool) or value is None or isinstance(value, list | dict):
        raise Lost("I505", "its value is neither a string nor a number: it fails in promptfoo, too")
    return spelt(value)


def _texts(value: Json) -> list[str]:
    found = _split(value) if isinstance(value, str) else value
    if not isinstance(found, list) or not found:
        raise Lost("I505", "its value is not a list: it fails in promptfoo, too")
    texts = [spelt(each) for each in found]
    if not all(texts):
        raise Lost("I505", "one of its strings is empty, and every answer contains it")
    return texts


def _split(text: str) -> list[Json]:
    """Return the strings between commas, as promptfoo splits them: a quoted string may contain a comma."""
    found: list[Json] = []
    at = 0
    while at < len(text):
        while at < len(text) and (text[at].isspace() or text[at] == ","):
            at += 1
        if at >= len(text):
            break
        if text[at] == '"':
            quoted = re.compile(r'"((?:\\.|""|[^"\\])*)"\s*(?=,|\Z)', re.DOTALL).match(text, at)
            if quoted is None:
                raise Lost("I505", "a quoted string in its value does not end: it fails in promptfoo, too")
            found.append(re.sub(r'\\(.)|"(")', lambda sign: sign[1] or sign[2], quoted[1], flags=re.DOTALL))
            at = quoted.end()
        else:
            end = text.find(",", at)
            end = len(text) if end < 0 else end
            found.append(text[at:end].strip())
            at = end
    return found


def _equals(value: Json, given: Given, *, prefix: str) -> JsonObject:
    if isinstance(value, list | dict):
        if given.json:
            return {"type": f"{prefix}equals", "value": value}
        sign = "!=" if prefix else "=="
        return (
            {"type": "expr", "value": f"(text | fromjson) {sign} {_literal(value)}"}
            if "{{" not in json.dumps(value)
            else _refuse("I506", "its value contains braces")
        )
    text = "undefined" if value is None else spelt(value)
    if given.json:
        sign = "!=" if prefix else "=="
        return {"type": "expr", "value": f"text {sign} {_literal(text)}"}
    return {"type": f"{prefix}equals", "value": text}


def _refuse(code: str, why: str) -> JsonObject:
    raise Lost(code, why)


def _literal(value: Json) -> str:
    """Return a value as a literal of Jinja: JSON, except for true, false and null."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(_literal(each) for each in value)}]"
    if isinstance(value, dict):
        # Two adjacent braces would begin a tag.
        inner = ", ".join(
            f"{json.dumps(key, ensure_ascii=False)}: {_literal(part)}" for key, part in value.items()
        )
        return f"{{ {inner} }}"
    return json.dumps(value, ensure_ascii=False)


def _json(kind: str, value: Json, source: SourceAssertion, given: Given, *, prefix: str) -> JsonObject | None:
    if isinstance(value, str) and value.strip():
        try:
            value = parse_yaml(value, "").value
        except RunnerError as error:
            raise Lost("I505", f"its schema cannot be read: {error.message}") from None
    if value is not None and value != "" and not isinstance(value, dict):
        raise Lost("I505", "its value is not a schema")
    if not value:
        if given.json and not prefix:
            source.entry.imply(
                "I508", "response_format asks for JSON, so an answer that is not JSON fails anyway"
            )
            return None
        return {"type": prefix + kind}
    if given.json and kind == "is-json":
        return {"type": f"{prefix}json-schema", "value": value}
    return {"type": prefix + kind, "value": value}


def _word_count(value: Json, *, prefix: str) -> JsonObject:
    if isinstance(value, dict):
        bounds = {key: part for key, part in value.items() if key in ("min", "max") and isinstance(part, int)}
        if len(bounds) != len(value) or not bounds:
            raise Lost("I505", "its bounds are not integers")
        return {"type": f"{prefix}word-count", "value": dict(bounds)}
    if isinstance(value, str) and value.strip().isdigit():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Lost("I505", "its value is not an integer")
    return {"type": f"{prefix}word-count", "value": value}

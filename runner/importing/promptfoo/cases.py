"""Read promptfoo's tests: inline or in files (YAML, JSON, JSONL, CSV), and expand their variables as promptfoo does."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ...documents.json_reader import parse_json
from ...errors import Location, RunnerError
from ...values import Json
from ..ledger import Entry, Ledger
from ..nodes import Node, root_of
from ..sources import Folder

__all__ = ["SourceTest", "VariableError", "expanded", "plain_value", "read_tests", "spelt"]


@dataclass(slots=True)
class SourceTest:
    """A test: its node, its item, and the variables that a scenario adds."""

    node: Node
    entry: Entry
    base: str
    vars: dict[str, Node] = field(default_factory=dict)
    scenario: Node | None = None


class VariableError(Exception):
    """A variable whose value needs code, the environment or files outside the folder."""

    def __init__(self, node: Node, code: str, why: str) -> None:
        super().__init__(why)
        self.node = node
        self.code = code
        self.why = why


def read_tests(node: Node | None, folder: Folder, base: str, ledger: Ledger) -> list[SourceTest]:
    """Return the tests of a configuration. Tests from code or a service are recorded as lost."""
    return list(_each(node, folder, base, ledger, 0)) if node is not None else []


_CODE = re.compile(r"\.(?:py|js|mjs|cjs|ts|mts)(?::[\w.]+)?$", re.IGNORECASE)


def _each(node: Node, folder: Folder, base: str, ledger: Ledger, depth: int) -> Iterator[SourceTest]:
    if depth > 5:
        return
    if isinstance(node.value, str):
        yield from _of_reference(node, node.value, folder, base, ledger, depth)
    elif isinstance(node.value, list):
        for item in node.items():
            yield from _each(item, folder, base, ledger, depth + 1)
    elif isinstance(node.value, dict):
        path = node.get("path")
        if path is not None and path.text and not {"vars", "assert"} & set(node.value):
            yield from _of_reference(path, path.text, folder, base, ledger, depth)
            return
        yield SourceTest(node, ledger.add("test", node.location, _title(node)), base)
    elif node.value is not None:
        ledger.add("test", node.location, "test").lose("I401", "it is not a test")


def _title(node: Node) -> str:
    description = node.get("description")
    return " ".join(description.text.split())[:60] if description is not None and description.text else "test"


def _of_reference(
    node: Node, written: str, folder: Folder, base: str, ledger: Ledger, depth: int
) -> Iterator[SourceTest]:
    reference = written.removeprefix("file://")
    if _CODE.search(reference):
        ledger.add("test", node.location, written).lose("I401", "the tests are code, which is not run")
        return
    if re.match(r"(?:https?|huggingface|az|s3)://", reference) or "xlsx" in reference.rsplit(".", 1)[-1]:
        ledger.add("test", node.location, written).lose("I401", "a service stores the tests")
        return
    try:
        name = folder.name_of(base, reference, node.location)
        files = folder.matching(name) if "*" in name else [name]
        if not files:
            ledger.add("test", node.location, written).lose("I302", f"no file matches {reference}")
        for file in files:
            yield from _in_file(node, file, folder, ledger, depth)
    except RunnerError as error:
        ledger.add("test", node.location, written).lose("I302", error.message)


def _in_file(node: Node, file: str, folder: Folder, ledger: Ledger, depth: int) -> Iterator[SourceTest]:
    ending = file.lower().rsplit(".", 1)[-1]
    inside = file.rpartition("/")[0]
    if ending in ("yaml", "yml", "json"):
        yield from _each(root_of(folder.document(file, node.location)), folder, inside, ledger, depth + 1)
    elif ending == "jsonl":
        for number, line in enumerate(folder.text(file, node.location).split("\n"), 1):
            if line.strip():
                document = parse_json(line, folder.shown_as(file), first_line=number)
                yield from _each(root_of(document), folder, inside, ledger, depth + 1)
    elif ending == "csv":
        yield from _of_csv(folder.text(file, node.location), folder.shown_as(file), inside, ledger)
    else:
        ledger.add("test", node.location, file).lose("I401", "tests in this kind of file are not supported")


def _of_csv(text: str, shown: str, base: str, ledger: Ledger) -> Iterator[SourceTest]:
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        header = [each.strip() for each in next(reader, [])]
        for row in reader:
            place = Location(shown, reader.line_num, 1)
            if not any(cell.strip() for cell in row):
                continue
            test = _csv_test(dict(zip(header, row, strict=False)))
            node = Node(test, None, (), place)
            yield SourceTest(node, ledger.add("test", place, _title(node)), base)
    except csv.Error as error:
        place = Location(shown, reader.line_num, 1)
        ledger.add("test", place, "row").lose("I401", f"the row cannot be read: {error}")


def _csv_test(row: Mapping[str, str]) -> dict[str, Json]:
    """Return a row as a test: columns that begin with `__` are its properties, the others are variables."""
    given: dict[str, Json] = {}
    test: dict[str, Json] = {}
    asserts: list[Json] = []
    options: dict[str, Json] = {}
    for key, cell in row.items():
        if re.fullmatch(r"__expected\d*", key):
            if cell.strip():
                asserts.append(_from_text(cell.strip()))
        elif key in ("__prefix", "__suffix"):
            if cell:
                options[key[2:]] = cell
        elif key == "__description":
            if cell:
                test["description"] = cell
        elif key == "__threshold":
            if cell.strip():
                test["threshold"] = _number(cell)
        elif key == "__metric":
            if cell:
                test["__metric"] = cell
        elif key.startswith("__metadata"):
            if cell:
                test["metadata"] = {key.partition(":")[2] or "metadata": cell}
        elif key.startswith("__"):
            if cell:
                test[key] = cell
        else:
            given[key] = cell
    return {**test, "vars": given, **({"options": options} if options else {}), "assert": asserts}


_TYPED = re.compile(r"^(not-)?([a-z][a-z0-9-]*)(?:\((\d+(?:\.\d+)?)\))?(?::(.*))?$", re.DOTALL)
_KNOWN = {
    "equals", "contains", "icontains", "contains-any", "contains-all", "icontains-any", "icontains-all", "starts-with", "regex",
    "is-json", "contains-json", "latency", "cost", "similar", "levenshtein", "llm-rubric", "factuality", "model-graded-closedqa",
    "answer-relevance", "rouge-n", "word-count", "finish-reason", "webhook", "perplexity", "is-refusal", "g-eval", "bleu",
    "classifier", "context-recall", "context-relevance", "context-faithfulness", "moderation", "is-sql", "is-xml", "contains-xml",
}  # fmt: skip


def _from_text(text: str) -> Json:
    """Return the assertion of a cell: `type:value`, `type(threshold):value`, or a text for `equals`."""
    for prefix, kind in (("javascript:", "javascript"), ("fn:", "javascript"), ("eval:", "javascript"),
                         ("python:", "python"), ("grade:", "llm-rubric"), ("llm-rubric:", "llm-rubric")):  # fmt: skip
        if text.startswith(prefix):
            return {"type": kind, "value": text[len(prefix) :].strip()}
    if text.startswith("file://"):
        return {"type": "python" if ".py" in text else "javascript", "value": text}
    found = _TYPED.match(text)
    if found is None or found[2] not in _KNOWN:
        return {"type": "equals", "value": text}
    made: dict[str, Json] = {"type": f"{found[1] or ''}{found[2]}"}
    if found[4] is not None:
        made["value"] = found[4] if found[2] in ("contains-any", "contains-all") else found[4].strip()
    if found[2] in ("latency", "cost", "similar", "levenshtein", "starts-with", "rouge-n"):
        made["threshold"] = _number(found[3]) if found[3] else 0.75
    if found[2] == "starts-with":
        made.pop("threshold")
    return made


def _number(text: str) -> Json:
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if number.is_integer() else number


def spelt(value: Json) -> str:
    """Return a value as JavaScript prints it in a template, except that an object is JSON instead of [object Object]."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return ",".join("[object Object]" if isinstance(each, dict) else spelt(each) for each in value)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return json.dumps(value)


def plain_value(node: Node, folder: Folder, base: str) -> list[Json]:
    """Return the values of a variable, with files read; a list gives one case for each item. Raises VariableError."""
    value = node.value
    if isinstance(value, list) and value and isinstance(value[0], str):
        found: list[Json] = []
        for item in node.items():
            found += plain_value(item, folder, base) if isinstance(item.value, str) else [item.value]
        return found
    if isinstance(value, str) and value.startswith("file://"):
        return [
            _of_file(node, value.removeprefix("file://"), name, folder)
            for name in _files(node, value, folder, base)
        ]
    if isinstance(value, str):
        return [value.removesuffix("\n")]
    return [_in_javascript(value)]


def _in_javascript(value: Json) -> Json:
    """Return a value as JavaScript prints it: 1.0 is 1, and null is nothing."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, list):
        return [_in_javascript(each) for each in value]
    if isinstance(value, dict):
        return {key: _in_javascript(each) for key, each in value.items()}
    return value


def _files(node: Node, value: str, folder: Folder, base: str) -> list[str]:
    reference = value.removeprefix("file://")
    if re.search(r"\{\{", reference):
        why = "it reads the environment" if "env." in reference else "the name of its file is a template"
        raise VariableError(node, "I104" if "env." in reference else "I402", why)
    if _CODE.search(reference):
        raise VariableError(node, "I402", "its value is code, which is not run")
    try:
        name = folder.name_of(base, reference, node.location)
    except RunnerError as error:
        raise VariableError(node, "I302", error.message) from None
    files = folder.matching(name) if re.search(r"[*?\[]", name) else [name]
    if not files:
        raise VariableError(node, "I302", f"no file matches {reference}")
    return files


def _of_file(node: Node, reference: str, name: str, folder: Folder) -> Json:
    ending = name.lower().rsplit(".", 1)[-1]
    try:
        if ending in ("yaml", "yml"):
            return json.dumps(
                folder.document(name, node.location).value, ensure_ascii=False, separators=(",", ":")
            )
        if ending in ("pdf", "png", "jpg", "jpeg", "gif", "webp", "bmp", "svg", "mp3", "wav", "mp4", "m4a"):
            raise VariableError(node, "I402", "its value is an image, audio or a PDF")
        return folder.text(name, node.location).strip()
    except RunnerError as error:
        raise VariableError(node, "I302", error.message) from None


def expanded(
    given: Mapping[str, Node], folder: Folder, bases: Mapping[str, str], *, expand: bool
) -> Iterator[dict[str, Json]]:
    """Yield the variables of each case that a test becomes. Raises VariableError."""
    cases: list[dict[str, Json]] = [{}]
    for name, node in given.items():
        values = (
            plain_value(node, folder, bases.get(name, ""))
            if expand or not isinstance(node.value, list)
            else [node.value]
        )
        cases = [{**case, name: value} for case in cases for value in values]
        if len(cases) > 10_000:
            raise VariableError(node, "I402", "its lists expand to more than 10,000 cases")
    for case in cases:
        yield _resolved(case, given)


_VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")


def _resolved(case: dict[str, Json], given: Mapping[str, Node]) -> dict[str, Json]:
    """Replace `{{ other }}` in values by the other value, up to five times as promptfoo does."""
    made = dict(case)
    for _ in range(5):
        changed = False
        for name, value in made.items():
            found = _VARIABLE.search(value) if isinstance(value, str) else None
            if found is not None and made.get(found[1]) is not None and isinstance(value, str):
                made[name] = value.replace(found[0], spelt(made[found[1]]), 1)
                changed = True
        if not changed:
            break
    for name, value in made.items():
        if isinstance(value, str) and re.search(r"\{\{[^}]*\benv\b[^}]*\}\}", value):
            raise VariableError(given[name], "I104", "it reads the environment")
    return made

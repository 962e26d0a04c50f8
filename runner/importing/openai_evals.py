"""Import saved evals of OpenAI: the eval with its criteria, and its runs with their messages and rows.

The sources are saved responses of `GET /v1/evals/{id}`, `/runs/{id}` and `/output_items`, each in its own file of one
folder. If a run names a file of rows by its id, the rows are read from `ID.jsonl`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ..documents.json_reader import parse_json
from ..errors import RunnerError
from ..values import Json, JsonObject
from .drafts import CaseDraft, Draft
from .kept import JUDGED_BY_MODEL
from .ledger import Entry, Ledger, RefusedSourceError
from .literal import filled, in_texts
from .names import file_stem, input_name, prompt_name
from .nodes import Node, root_of
from .openai_request import message_of, response_fields
from .row_checks import put_row_checks
from .sources import Folder

__all__ = ["companions_of_eval", "read_openai_evals"]

_ITEM = re.compile(r"\{\{\s*item\.([^\s{}|]+)\s*\}\}")
_ANY = re.compile(r"\{\{[^{}]*\}\}")
_TEXT = re.compile(r"\s*\{\{\s*sample\.output_text\s*\}\}\s*")
_JSON = re.compile(r"\s*\{\{\s*sample\.output_json((?:\.[A-Za-z_]\w*|\[\d+\])+)\s*\}\}\s*")
_OPERATIONS = {"eq": "equals", "ne": "not-equals", "like": "contains", "ilike": "icontains"}
_JUDGES = ("label_model", "score_model")


@dataclass(slots=True)
class _Saved:
    evals: list[Node] = field(default_factory=list)
    runs: list[Node] = field(default_factory=list)
    items: list[Node] = field(default_factory=list)


def companions_of_eval(name: str, folder: Folder) -> list[str]:
    """Return the saved files of evals in one folder; the first of them is the source in the report."""
    inside = name.rpartition("/")[0]
    return [
        each
        for each in folder.files()
        if each.rpartition("/")[0] == inside and each.lower().endswith((".json", ".jsonl"))
    ]


def read_openai_evals(name: str, folder: Folder, ledger: Ledger) -> tuple[list[Draft], dict[str, Json]]:
    """Return a prompt file for each run of the evals in the folder of `name`. Raises RefusedSourceError."""
    saved = _Saved()
    for each in dict.fromkeys((name, *companions_of_eval(name, folder))):
        for root in _roots(each, folder):
            _sort(root, saved)
    evals: dict[str, Node] = {}
    for each_eval in saved.evals:
        identity = each_eval.get("id")
        evals[identity.text if identity is not None and identity.text else ""] = each_eval
    if not saved.runs:
        place = (saved.evals or [root_of(folder.document(name))])[0].location
        raise RefusedSourceError(
            "I905", "an eval contains no messages and no rows; its runs contain them",
            location=place, hint="save GET /v1/evals/EVAL/runs/RUN beside it",
        )  # fmt: skip
    for item in saved.items:
        ledger.add("test", item.location, "output items").drop(
            "I704", "answers to another request are not approved answers"
        )
    criteria: dict[str, list[tuple[Node, Entry]]] = {}
    for identity_, node in evals.items():
        criteria[identity_] = [
            (each, ledger.add("assertion", each.location, _title(each))) for each in _criteria(node)
        ]
        _eval_keys(node, ledger)
    drafts: list[Draft] = []
    for run in saved.runs:
        owner = run.get("eval_id")
        belongs = owner.text if owner is not None and owner.text in evals else next(iter(evals), "")
        known = criteria.get(belongs, [])
        repeated = [each.value for each, _ in known]
        own = [
            (each, ledger.add("assertion", each.location, _title(each)))
            for each in _criteria(run)
            if each.value not in repeated
        ]
        drafts.append(
            _run(
                run,
                evals.get(belongs),
                [*known, *own],
                folder,
                name.rpartition("/")[0],
                ledger,
                len(saved.runs),
            )
        )
    return drafts, {}


def _roots(name: str, folder: Folder) -> Iterator[Node]:
    if name.lower().endswith(".jsonl"):
        for number, line in enumerate(folder.text(name).split("\n"), 1):
            if line.strip():
                try:
                    yield root_of(parse_json(line, folder.shown_as(name), first_line=number))
                except RunnerError:
                    return  # rows that do not belong to an eval
        return
    root = root_of(folder.document(name))
    data = root.get("data")
    if data is not None and isinstance(data.value, list):
        yield from data.items()
    elif isinstance(root.value, list):
        yield from root.items()
    else:
        yield root


def _sort(node: Node, saved: _Saved) -> None:
    if not isinstance(node.value, dict):
        return
    kind = node.value.get("object")
    asks = isinstance(node.value.get("data_source"), dict)
    if kind == "eval.run" or (kind is None and asks):
        saved.runs.append(node)
    elif kind == "eval" or (kind is None and "testing_criteria" in node.value):
        saved.evals.append(node)
    elif kind == "eval.run.output_item":
        saved.items.append(node)


def _criteria(node: Node) -> Iterator[Node]:
    given = node.get("testing_criteria")
    yield from given.items() if given is not None else ()


def _title(node: Node) -> str:
    kind, name = node.get("type"), node.get("name")
    return f'{kind.value if kind else "criterion"} "{name.value if name else ""}"'


def _eval_keys(node: Node, ledger: Ledger) -> None:
    for key, value in node.entries():
        if key != "testing_criteria":
            entry = ledger.add("key", value.key_location, f'"{key}" of the eval')
            if key not in ("name", "data_source_config"):
                entry.drop("I102", "metadata of the service")


def _run(
    run: Node,
    owner: Node | None,
    criteria: list[tuple[Node, Entry]],
    folder: Folder,
    inside: str,
    ledger: Ledger,
    several: int,
) -> Draft:
    source = run.get("data_source")
    called = (owner.get("name") if owner is not None else None) or run.get("name")
    entry = ledger.add("prompt", run.location, "a run")
    stem = file_stem(called.text or "eval") if called is not None else "eval"
    if several > 1 and (identity := run.get("id")) is not None and identity.text:
        stem = f"{stem}-{file_stem(identity.text)[-12:]}"
    draft = Draft(stem, entry)
    if called is not None and called.text and (name := prompt_name(called.text)):
        draft.put("name", name)
    for key, value in run.entries():
        if key == "testing_criteria" and isinstance(value.value, list):
            continue
        if key != "data_source":
            part = ledger.add("key", value.key_location, f'"{key}" of a run')
            if key != "model":
                part.drop("I102", "metadata of the service")
    if source is None:
        raise RefusedSourceError("I905", "the run has no data_source", location=run.location)
    model = source.get("model") or run.get("model")
    if model is not None and model.text:
        draft.put("model", model.text)
    names: dict[str, str] = {}
    messages = _messages(source, names, ledger)
    _sampling(source, draft, ledger)
    rows = _rows(source, folder, inside, ledger)
    _declare(draft, owner, rows, names)
    draft.put("messages", messages, entry)
    _tests(draft, rows, criteria, names)
    return draft


def _messages(source: Node, names: dict[str, str], ledger: Ledger) -> list[Json]:
    def variable(found: re.Match[str]) -> str | None:
        path = found[1]
        first, _, rest = path.partition(".")
        names.setdefault(first, input_name(first))
        return f"{names[first]}.{rest}" if rest else names[first]

    kind = source.get("type")
    if kind is not None and kind.value not in ("completions", "responses"):
        raise RefusedSourceError(
            "I905",
            f"a run of the kind {kind.value} sends no request: it judges existing answers",
            location=source.location,
        )
    given = source.get("input_messages")
    if given is None:
        raise RefusedSourceError("I905", "the run has no messages", location=source.location)
    reference = given.get("item_reference")
    if reference is not None and reference.text:
        ledger.add("message", reference.location, "the messages")
        name = reference.text.removeprefix("item.")
        names.setdefault(name, input_name(name))
        return [{"type": "placeholder", "name": names[name]}]
    template = given.get("template")
    messages: list[Json] = []
    for item in template.items() if template is not None else ():
        entry = ledger.add("message", item.location, "a message")
        made = message_of(item.value)
        if made is None:
            raise RefusedSourceError(
                "I905", "a message of this kind has no equivalent", location=item.location
            )
        messages.append(in_texts(made, lambda text: filled(text, _ITEM, variable)))
        del entry
    if not messages:
        raise RefusedSourceError("I905", "the run has no messages", location=given.location)
    return messages


def _sampling(source: Node, draft: Draft, ledger: Ledger) -> None:
    for key, value in source.entries():
        if key in ("type", "model", "input_messages", "source"):
            continue
        if key != "sampling_params":
            ledger.add("key", value.key_location, f'"{key}" of the data source').lose(
                "I101", "runner has nothing like it"
            )
            continue
        for name, part in value.entries():
            entry = ledger.add("key", part.key_location, f'"{name}" of sampling_params')
            fields = response_fields(name, part.value)
            if part.value is None:
                entry.drop("I106", "it is empty")
            elif fields is None:
                entry.lose("I203", "chat completions have no such field")
            else:
                for field_, sent in fields.items():
                    draft.put(field_, sent, entry)


@dataclass(slots=True)
class _Row:
    node: Node
    entry: Entry
    values: JsonObject


def _rows(source: Node, folder: Folder, inside: str, ledger: Ledger) -> list[_Row]:
    given = source.get("source")
    kind = given.get("type") if given is not None else None
    if given is None or kind is None:
        return []
    if kind.value == "file_content":
        content = given.get("content")
        items = list(content.items()) if content is not None else []
    elif kind.value == "file_id":
        items = _from_file(given, folder, inside, ledger)
    else:
        ledger.add("test", given.location, f"rows ({kind.value})").lose("I401", "the service stores the rows")
        return []
    rows: list[_Row] = []
    for item in items:
        entry = ledger.add("test", item.location, "a row")
        inner = item.get("item") or item
        if isinstance(inner.value, dict):
            rows.append(_Row(inner, entry, dict(inner.value)))
        else:
            entry.lose("I401", "it is not a row")
    return rows


def _from_file(given: Node, folder: Folder, inside: str, ledger: Ledger) -> list[Node]:
    identity = given.get("id")
    name = f"{identity.text}.jsonl" if identity is not None and identity.text else ""
    try:
        file = folder.name_of(inside, name, given.location)
        lines = folder.text(file, given.location).split("\n")
        return [
            root_of(parse_json(line, folder.shown_as(file), first_line=number))
            for number, line in enumerate(lines, 1)
            if line.strip()
        ]
    except RunnerError:
        ledger.add("test", given.location, "a file of rows").lose(
            "I302", f"the service stores the rows in a file: save it as {name or 'ID.jsonl'} beside the run"
        )
        return []


def _declare(draft: Draft, owner: Node | None, rows: list[_Row], names: dict[str, str]) -> None:
    config = owner.get("data_source_config") if owner is not None else None
    schema = config.get("schema") or config.get("item_schema") if config is not None else None
    properties: Mapping[str, Json] = {}
    if schema is not None and isinstance(schema.value, dict):
        value: Json = schema.value
        inner = value.get("properties") if isinstance(value, dict) else None
        item = inner.get("item") if isinstance(inner, dict) else None
        value = item if isinstance(item, dict) else value
        found = value.get("properties") if isinstance(value, dict) else None
        properties = found if isinstance(found, dict) else {}
    for name in (*properties, *(key for row in rows for key in row.values)):
        names.setdefault(name, input_name(name))
    inputs: dict[str, Json] = {}
    for name, ours in names.items():
        declared = properties.get(name)
        spec: dict[str, Json] = dict(declared) if isinstance(declared, dict) else {}
        if rows and any(name not in row.values for row in rows):
            spec = {"default": ""}
        inputs[ours] = spec
    if inputs:
        draft.put("inputs", inputs)


def _tests(draft: Draft, rows: list[_Row], criteria: list[tuple[Node, Entry]], names: dict[str, str]) -> None:
    asked = draft.fields.get("response_format")
    form = asked.value.get("type") if asked is not None and isinstance(asked.value, dict) else None
    parsed = form in ("json_schema", "json_object")
    seen: set[str] = set()
    cases: list[tuple[CaseDraft, JsonObject]] = []
    for row in rows:
        fields: dict[str, Json] = {"vars": {names[name]: value for name, value in row.values.items()}}
        digest = json.dumps(fields["vars"], sort_keys=True)
        if digest in seen:
            fields = {"id": f"repeated-{len(seen) + 1}", **fields}
        seen.add(digest)
        cases.append((CaseDraft(fields, row.entry), row.values))
    put_row_checks(
        draft, "openai-evals", cases, criteria,
        lambda node, entry, values: _assertion(node, entry, values, parsed=parsed),
    )  # fmt: skip


def _assertion(node: Node, entry: Entry, row: JsonObject | None, *, parsed: bool) -> JsonObject | None:
    kind = node.get("type")
    if kind is None or kind.value != "string_check":
        if kind is not None and kind.value in _JUDGES:
            entry.lose("I502", JUDGED_BY_MODEL)
        elif kind is not None and kind.value == "python":
            entry.lose("I503", "code is not run")
        elif kind is not None and kind.value == "text_similarity":
            entry.lose("I501", "its score differs from the scores of runner")
        else:
            entry.lose("I501", "there is no such check")
        return None
    subject, operation, reference = (node.get(key) for key in ("input", "operation", "reference"))
    if subject is None or operation is None or reference is None or operation.value not in _OPERATIONS:
        entry.lose("I505", "it lacks an input, an operation or a reference")
        return None
    wanted = _resolved(str(reference.value), row)
    if wanted is None:
        entry.lose("I506", "its reference is not a value of the row")
        return None
    type_ = _OPERATIONS[str(operation.value)]
    found = _JSON.fullmatch(str(subject.value))
    if found is not None and parsed:
        return {"type": type_, "path": f"${found[1]}", "value": wanted}
    if not _TEXT.fullmatch(str(subject.value)):
        entry.lose("I506", "it does not check the text of the answer")
        return None
    if parsed and type_ in ("equals", "not-equals"):
        sign = "==" if type_ == "equals" else "!="
        return {"type": "expr", "value": f"text {sign} {json.dumps(wanted, ensure_ascii=False)}"}
    return {"type": type_, "value": wanted}


def _resolved(text: str, row: JsonObject | None) -> str | None:
    if row is None and _ANY.search(text):
        return None
    lacking = False

    def value(found: re.Match[str]) -> str:
        nonlocal lacking
        part: Json = row
        for step in found[1].split("."):
            part = part.get(step) if isinstance(part, dict) else None
        if part is None:
            lacking = True
        return part if isinstance(part, str) else json.dumps(part, ensure_ascii=False)

    made = _ITEM.sub(value, text)
    return None if lacking or _ANY.search(made) else made

"""Convert prompt files of GitHub Models, which also run unchanged, to runner's own format."""

from __future__ import annotations

import json
import re

from ..files.github_evaluators import scalar_text
from ..files.github_prompt import PLACEHOLDER, is_github_prompt, read_github_prompt
from ..values import Json, JsonObject
from .comments import Comments
from .drafts import CaseDraft, Draft
from .kept import JUDGED_BY_MODEL
from .ledger import Entry, Ledger, RefusedSourceError
from .literal import filled, in_texts
from .names import case_name, file_stem, input_name
from .nodes import Node, root_of
from .row_checks import put_row_checks
from .sources import Folder

__all__ = ["read_github"]


def read_github(name: str, folder: Folder, ledger: Ledger) -> tuple[list[Draft], dict[str, Json]]:
    """Return the prompt file of a file of GitHub Models. Raises RefusedSourceError, and RunnerError if the file is invalid."""
    document = folder.document(name)
    root = root_of(document)
    if not isinstance(root.value, dict) or not isinstance(root.value.get("messages"), list):
        raise RefusedSourceError(
            "I902", "it is not a prompt of GitHub Models: it has no messages", location=root.location
        )
    if not is_github_prompt(
        root.value, ".github/prompts/any"
    ):  # a file that is valid in both formats counts as GitHub's when it is imported
        raise RefusedSourceError("I907", "it is already a prompt file of runner", location=root.location)
    read = read_github_prompt(document)
    spec = read.document.value
    assert isinstance(spec, dict), "its shape was validated"
    comments = Comments()
    entry = ledger.add("prompt", root.location, "the messages")
    stem = name.rpartition("/")[2]
    draft = Draft(
        file_stem(re.sub(r"\.prompt\.ya?ml$", "", stem, flags=re.IGNORECASE)),
        entry,
        header=comments.header(document),
    )
    for remark in read.warnings:
        ledger.remark(remark.location, "I106", "a key", remark.message)
    for key, node in root.entries():
        if key == "modelParameters":
            for inner, value in node.entries():
                ledger.add("key", value.key_location, f'"{inner}" of modelParameters')
        elif key not in ("testData", "evaluators", "messages"):
            ledger.add("key", node.key_location, f'"{key}"')
    names: dict[str, str] = {}

    def variable(found: re.Match[str]) -> str:
        return names.setdefault(found[1], input_name(found[1], names.values()))

    for key, sent in spec.items():
        if key not in ("messages", "tests", "inputs"):
            draft.put(key, sent, None)
    rows = [node for part in [root.get("testData")] if part is not None for node in part.items()]
    for row in rows:
        for key, _ in row.entries():
            names.setdefault(key, input_name(key, names.values()))
    messages = in_texts(spec["messages"], lambda text: filled(text, PLACEHOLDER, variable))
    given = [dict(row.value) for row in rows if isinstance(row.value, dict)]
    inputs: dict[str, Json] = {
        ours: {"default": "{{" + theirs + "}}"} if given and any(theirs not in row for row in given) else {}
        for theirs, ours in names.items()
    }
    if inputs:
        draft.put("inputs", inputs)
    draft.put("messages", messages, entry)
    evaluators = [
        (node, ledger.add("assertion", node.location, _title(node)))
        for part in [root.get("evaluators")]
        if part is not None
        for node in part.items()
    ]
    _tests(draft, rows, evaluators, names, ledger, comments)
    return [draft], {}


def _title(node: Node) -> str:
    name = node.get("name")
    return f'evaluator "{name.value if name is not None else ""}"'


def _tests(
    draft: Draft,
    rows: list[Node],
    evaluators: list[tuple[Node, Entry]],
    names: dict[str, str],
    ledger: Ledger,
    comments: Comments,
) -> None:
    seen: set[str] = set()
    cases: list[tuple[CaseDraft, JsonObject]] = []
    for row in rows:
        entry = ledger.add("test", row.location, "a row")
        values = dict(row.value) if isinstance(row.value, dict) else {}
        vars_: dict[str, Json] = {names[key]: value for key, value in values.items()}
        fields: dict[str, Json] = {"vars": vars_}
        digest = json.dumps(vars_, sort_keys=True)
        if digest in seen and (identity := case_name("repeated", seen)):
            fields = {"id": identity, **fields}
            seen.add(identity)
        seen.add(digest)
        cases.append((CaseDraft(fields, entry, comments=comments.above(row)), values))
    put_row_checks(
        draft,
        "github",
        cases,
        evaluators,
        lambda node, judged, values: _assertion(node, judged, values or {}),
    )


def _assertion(node: Node, entry: Entry, row: JsonObject) -> JsonObject | None:
    """Return the assertion for an evaluator. GitHub's tools ignore white space around the answer, and case."""
    given = node.get("string")
    if given is None or not isinstance(given.value, dict):
        entry.lose("I502", JUDGED_BY_MODEL)
        return None
    for word, part in given.entries():
        if part.value is None or part.document is None:
            continue
        written = scalar_text(part.document, part.path, part.value)
        text = PLACEHOLDER.sub(lambda found: _text(row.get(found[1], found[0])), written)
        escaped = re.escape(text)
        if word == "equals":
            return {"type": "expr", "value": f"(text | trim) == {json.dumps(text, ensure_ascii=False)}"}
        if word == "contains":
            return {"type": "icontains", "value": text}
        if word == "startsWith":
            return {"type": "regex", "value": rf"(?i)\A\s*{escaped}"}
        if word == "endsWith":
            return {"type": "regex", "value": rf"(?i){escaped}\s*\Z"}
    entry.lose("I505", "it has no key that GitHub's tools know")
    return None


def _text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

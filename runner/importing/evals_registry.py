"""Entries of the openai/evals registry, with their samples in JSON Lines: the rows become tests of a prompt that has none.

A sample is `{"input": [messages], "ideal": text or texts}`; the class says how the answer is compared with it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from ..documents.json_reader import parse_json
from ..errors import RunnerError
from ..values import Json, JsonObject
from .drafts import CaseDraft, Draft, Mapped
from .ledger import Entry, Ledger, RefusedSourceError
from .names import file_stem
from .nodes import Node, root_of
from .sources import Folder

__all__ = ["read_evals_registry"]

_CLASSES = {
    "evals.elsuite.basic.match:Match": "match",
    "evals.elsuite.basic.includes:Includes": "includes",
}


def read_evals_registry(name: str, folder: Folder, ledger: Ledger) -> tuple[list[Draft], dict[str, Json]]:
    """The prompt files of the entries of a file. Raises RefusedSourceError where none of them can be imported."""
    root = root_of(folder.document(name))
    drafts: list[Draft] = []
    why: tuple[str, str] = ("I901", "it has no entry with a class and samples")
    for key, node in root.entries():
        kind = node.get("class")
        if kind is None or kind.text is None:
            ledger.take("key", node.key_location, f'"{key}"').drop("I102", "it names an entry")
            continue
        entry = ledger.take("prompt", node.location, key)
        how = _CLASSES.get(kind.text)
        if how is None:
            judged = "model" in kind.text.lower()
            why = (
                "I502" if judged else "I501",
                f"{kind.text}: {'a model judges' if judged else 'there is no such check'}",
            )
            entry.lose(*why)
            continue
        args = node.get("args")
        samples = args.get("samples_jsonl") if args is not None else None
        for name_, value in args.entries() if args is not None else ():
            part = ledger.take("key", value.key_location, f'"{name_}" of the arguments')
            if name_ == "ignore_case":
                continue
            if name_ not in ("samples_jsonl", "max_tokens", "temperature"):
                part.lose("I101", "runner knows nothing like it")
        if samples is None or not samples.text:
            why = ("I302", "it names no samples")
            entry.lose(*why)
            continue
        try:
            draft = _draft(key, how, samples, args, folder, name, entry, ledger)
        except RunnerError as error:
            why = ("I302", f"its samples: {error.message}")
            entry.lose(*why)
            continue
        drafts.append(draft)
    if not drafts:
        raise RefusedSourceError(*why, location=root.location)
    return drafts, {}


def _draft(
    key: str,
    how: str,
    samples: Node,
    args: Node | None,
    folder: Folder,
    name: str,
    entry: Entry,
    ledger: Ledger,
) -> Draft:
    draft = Draft(file_stem(key), entry)
    for field in ("temperature", "max_tokens"):
        if args is not None and (value := args.get(field)) is not None:
            draft.put(field, value.value)
    ignoring = args is not None and (given := args.get("ignore_case")) is not None and given.value is True
    draft.put("inputs", {"conversation": {"type": "array"}, "ideal": {}})
    draft.put("messages", [{"type": "placeholder", "name": "conversation"}], entry)
    seen: set[str] = set()
    for node in _rows(samples, folder, name):
        row = ledger.take("test", node.location, "a sample")
        sample = node.value if isinstance(node.value, dict) else {}
        messages, ideal = sample.get("input"), sample.get("ideal")
        ideals = [
            each for each in (ideal if isinstance(ideal, list) else [ideal]) if isinstance(each, str) and each
        ]
        if isinstance(messages, str):
            messages = [{"role": "user", "content": messages}]
        if not isinstance(messages, list) or not ideals:
            row.lose("I401", "it has no input, or no ideal answer")
            continue
        vars_: dict[str, Json] = {"conversation": messages, "ideal": ideal}
        digest = json.dumps(vars_, sort_keys=True)
        if digest in seen:
            row.drop("I705", "the same sample stands above")
            continue
        seen.add(digest)
        draft.tests.append(
            CaseDraft({"vars": vars_}, row, [Mapped(_assertion(how, ideals, ignoring=ignoring), row)])
        )
    return draft


def _rows(samples: Node, folder: Folder, name: str) -> Iterator[Node]:
    """The rows of a file: beside the entry, or in the registry's folder of data."""
    inside = name.rpartition("/")[0]
    places = (inside, f"{inside}/../data" if inside else "data", f"{inside}/data" if inside else "data")
    refused: RunnerError | None = None
    for place in places:
        try:
            file = folder.name_of(place, str(samples.value), samples.location)
            text = folder.text(file, samples.location)
        except RunnerError as error:
            refused = refused or error
            continue
        for number, line in enumerate(text.split("\n"), 1):
            if line.strip():
                yield root_of(parse_json(line, folder.shown_as(file), first_line=number))
        return
    assert refused is not None, "no place was free of errors"
    raise refused


def _assertion(how: str, ideals: list[str], *, ignoring: bool) -> JsonObject:
    if how == "includes":
        kind = "icontains" if ignoring else "contains"
        return (
            {"type": kind, "value": ideals[0]}
            if len(ideals) == 1
            else {"type": f"{kind}-any", "value": list(ideals)}
        )
    if len(ideals) == 1:
        return {"type": "starts-with", "value": ideals[0]}
    return {"type": "regex", "value": rf"\A(?:{'|'.join(map(re.escape, ideals))})"}

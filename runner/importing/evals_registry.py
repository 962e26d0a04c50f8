"""Import entries of the openai/evals registry: their samples (JSON Lines) become the tests of a prompt.

A sample is `{"input": [messages], "ideal": string or strings}`; the class defines how the answer is compared with it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

from ..documents.json_reader import parse_json
from ..errors import RunnerError
from ..values import Json, JsonObject
from .drafts import CaseDraft, Draft, Mapped
from .ledger import Entry, Ledger, RefusedSourceError
from .names import file_stem
from .nodes import Node, root_of
from .nunjucks import verbatim
from .sources import Folder

__all__ = ["read_evals_registry"]

_CLASSES = {
    "evals.elsuite.basic.match:Match": "match",
    "evals.elsuite.basic.includes:Includes": "includes",
}


def read_evals_registry(name: str, folder: Folder, ledger: Ledger) -> tuple[list[Draft], dict[str, Json]]:
    """Return the prompt files of the entries in a file. Raises RefusedSourceError if none of them can be imported."""
    root = root_of(folder.document(name))
    drafts: list[Draft] = []
    why: tuple[str, str] = ("I901", "no entry has a class and samples")
    for key, node in root.entries():
        kind = node.get("class")
        if kind is None or kind.text is None:
            ledger.add("key", node.key_location, f'"{key}"').drop("I102", "it refers to an entry")
            continue
        entry = ledger.add("prompt", node.location, key)
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
            part = ledger.add("key", value.key_location, f'"{name_}" of the arguments')
            if name_ == "ignore_case":
                continue
            if name_ not in ("samples_jsonl", "max_tokens", "temperature"):
                part.lose("I101", "runner has nothing like it")
        if samples is None or not samples.text:
            why = ("I302", "it does not name a file of samples")
            entry.lose(*why)
            continue
        try:
            drafts += _drafts(key, how, samples, args, folder, name, entry, ledger)
        except RunnerError as error:
            why = ("I302", f"its samples: {error.message}")
            entry.lose(*why)
            continue
    if not drafts:
        raise RefusedSourceError(*why, location=root.location)
    return drafts, {}


def _drafts(
    key: str,
    how: str,
    samples: Node,
    args: Node | None,
    folder: Folder,
    name: str,
    entry: Entry,
    ledger: Ledger,
) -> Iterator[Draft]:
    """Yield the prompts of an entry: one for each number of system messages with which its samples begin.

    System messages are part of the prompt, not values of a variable.
    """
    ignoring = args is not None and (given := args.get("ignore_case")) is not None and given.value is True
    groups: dict[int, list[_Sample]] = {}
    seen: set[str] = set()
    for node in _rows(samples, folder, name):
        row = ledger.add("test", node.location, "a sample")
        sample = _sample(node, row)
        if sample is None:
            continue
        digest = json.dumps([sample.messages, sample.ideals], sort_keys=True)
        if digest in seen:
            row.drop("I705", "the same sample is already above")
            continue
        seen.add(digest)
        groups.setdefault(sample.instructions, []).append(sample)
    for count, group in (groups or {0: []}).items():
        suffix = "" if len(groups) < 2 else f"-{count}-instructions"
        draft = Draft(file_stem(f"{key}{suffix}"), entry)
        for field in ("temperature", "max_tokens"):
            if args is not None and (value := args.get(field)) is not None:
                draft.put(field, value.value)
        _fill(draft, group, count, how, ignoring=ignoring)
        yield draft


@dataclass(frozen=True, slots=True)
class _Sample:
    """A row: its messages, the number of system messages at the beginning, and the ideal answers."""

    messages: list[Json]
    instructions: int
    ideals: list[str]
    entry: Entry


def _sample(node: Node, row: Entry) -> _Sample | None:
    sample = node.value if isinstance(node.value, dict) else {}
    messages, ideal = sample.get("input"), sample.get("ideal")
    ideals = [
        each for each in (ideal if isinstance(ideal, list) else [ideal]) if isinstance(each, str) and each
    ]
    if isinstance(messages, str):
        messages = [{"role": "user", "content": messages}]
    if not isinstance(messages, list) or not ideals:
        row.lose("I401", "it lacks an input or an ideal answer")
        return None
    return _Sample(messages, sum(1 for _ in takewhile(_is_instruction, messages)), ideals, row)


def _is_instruction(message: Json) -> bool:
    return (
        isinstance(message, dict)
        and message.keys() == {"role", "content"}
        and message["role"] == "system"
        and isinstance(message["content"], str)
    )


def _fill(draft: Draft, group: list[_Sample], count: int, how: str, *, ignoring: bool) -> None:
    inputs: dict[str, Json] = {}
    messages: list[Json] = []
    varying: dict[str, int] = {}
    for index in range(count):
        contents = {_content(sample.messages[index]) for sample in group}
        content = verbatim(contents.pop()) if len(contents) == 1 else None
        if content is None:
            named = "instruction" if count == 1 else f"instruction_{index + 1}"
            varying[named] = index
            inputs[named] = {"type": "string"}
            content = f"{{{{ {named} }}}}"
        messages.append({"role": "system", "content": content})
    draft.put("inputs", {**inputs, "conversation": {"type": "array"}, "ideal": {}})
    draft.put("messages", [*messages, {"type": "placeholder", "name": "conversation"}], draft.entry)
    for sample in group:
        vars_: dict[str, Json] = {named: _content(sample.messages[index]) for named, index in varying.items()}
        vars_ |= {"conversation": sample.messages[count:], "ideal": list(sample.ideals)}
        spec = _assertion(how, sample.ideals, ignoring=ignoring)
        draft.tests.append(CaseDraft({"vars": vars_}, sample.entry, [Mapped(spec, sample.entry)]))


def _content(message: Json) -> str:
    return str(message["content"]) if isinstance(message, dict) else ""


def _rows(samples: Node, folder: Folder, name: str) -> Iterator[Node]:
    """Return the rows of a file, which is beside the entry or in the data folder of the registry."""
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
    assert refused is not None, "no location could be read"
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

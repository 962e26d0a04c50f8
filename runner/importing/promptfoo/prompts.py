"""Convert promptfoo's prompts (inline or in files; text, JSON or YAML) to messages whose contents are templates."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ...documents.json_reader import parse_json
from ...documents.yaml_reader import parse_yaml
from ...errors import Location, RunnerError
from ...values import Json
from ..ledger import Entry, Ledger
from ..nodes import Node
from ..nunjucks import Translated, from_nunjucks
from ..sources import Folder

__all__ = ["SourcePrompt", "Wording", "read_prompts", "worded"]

_CODE = re.compile(
    r"\.(?:py|js|mjs|cjs|ts|mts|cts|sh|bash|rb|pl|exe|bat|cmd|ps1)(?::[\w.]+)?$", re.IGNORECASE
)
_TEXT = re.compile(r"\.(?:txt|md|j2|json|jsonl|ya?ml|csv|html?|xml|prompt|jinja2?|njk|tmpl)$", re.IGNORECASE)
_ELSEWHERE = ("langfuse://", "portkey://", "helicone://", "http://", "https://", "promptlayer://")
_ROLES = {"system", "user", "assistant", "developer", "tool", "function"}


@dataclass(slots=True)
class SourcePrompt:
    """One prompt of a configuration: its text before rendering, or its messages if the text is JSON or YAML."""

    text: str
    names: tuple[str, ...]
    stem: str
    entry: Entry
    location: Location
    folder: str
    config: Node | None = None
    first_line: int = 1


@dataclass(slots=True)
class Wording:
    """The messages of a prompt file, and the variables and files that their templates read."""

    messages: list[Json]
    variables: dict[str, None] = field(default_factory=dict)
    walked: set[str] = field(default_factory=set)
    includes: dict[str, None] = field(default_factory=dict)
    compact: bool = False
    """Return whether the text that promptfoo sends is JSON of these messages."""

    def add(self, made: Translated) -> str:
        """Record what a template reads, and return its text."""
        self.variables.update(made.names)
        self.walked |= made.walked
        self.includes.update(made.includes)
        return made.text


def read_prompts(node: Node | None, folder: Folder, base: str, ledger: Ledger) -> list[SourcePrompt]:
    """Return the prompts that are text. Prompts that are code, or do not exist, are recorded as lost."""
    return list(_each(node, folder, base, ledger)) if node is not None else []


def _each(node: Node, folder: Folder, base: str, ledger: Ledger) -> Iterator[SourcePrompt]:
    if isinstance(node.value, str):
        yield from _one(node, node.value, (), folder, base, ledger)
    elif isinstance(node.value, list):
        for item in node.items():
            if isinstance(item.value, list):
                ledger.add("prompt", item.location, "prompt").lose("I301", "a list is not a prompt")
            else:
                yield from _each(item, folder, base, ledger)
    elif isinstance(node.value, dict):
        raw = node.get("raw") or node.get("id") or node.get("file") or node.get("path")
        label = next(
            (each.text for key in ("label", "id", "name") if (each := node.get(key)) and each.text), None
        )
        if isinstance(node.value.get("messages"), list):
            raw = node.get("messages")
        if raw is not None and isinstance(raw.value, str):
            names = tuple(
                str(node.value[key]) for key in ("id", "label") if isinstance(node.value.get(key), str)
            )
            for found in _one(raw, raw.value, names, folder, base, ledger, label):
                found.config = node.get("config")
                yield found
            for key, value in node.entries():
                if key not in ("id", "label", "raw", "config", "file", "path", "name", "description"):
                    entry = ledger.add("key", value.key_location, f'"{key}" of a prompt')
                    if key == "vars":
                        entry.drop("I102", "promptfoo does not read it")
                    else:
                        entry.lose("I101", "runner has nothing like it")
        elif raw is not None and isinstance(raw.value, list):
            entry = ledger.add("prompt", raw.location, label or "prompt")
            yield SourcePrompt(
                json.dumps(raw.value), (label,) if label else (), label or "prompt", entry, raw.location, base
            )
        else:  # `{file: label}`, the older form
            for key, value in node.entries():
                below = Node(key, node.document, value.path, node.fixed)
                names = (value.value,) if isinstance(value.value, str) else ()
                yield from _one(below, key, names, folder, base, ledger)
    elif node.value is not None:
        ledger.add("prompt", node.location, "prompt").lose("I301", "it is not a prompt")


def _may_be_file(text: str) -> bool:
    """Return whether promptfoo looks for a file with that name (its `maybeFilePath`)."""
    if "\n" in text or text.startswith(_ELSEWHERE[:3]):
        return False
    return bool(
        text.startswith("file://")
        or _CODE.search(text)
        or _TEXT.search(text)
        or text[-3:-2] == "."
        or text[-4:-3] == "."
        or any(sign in text for sign in "*/\\")
    )


def _one(
    node: Node,
    raw: str,
    names: tuple[str, ...],
    folder: Folder,
    base: str,
    ledger: Ledger,
    label: str | None = None,
) -> Iterator[SourcePrompt]:
    shown = " ".join((label or raw).split())[:60]
    if raw.startswith("exec:") or (_may_be_file(raw) and _CODE.search(raw)):
        ledger.add("prompt", node.location, shown).lose("I301", "the prompt is code, which is not run")
        return
    if raw.startswith(_ELSEWHERE):
        ledger.add("prompt", node.location, shown).lose("I301", "a service stores the prompt")
        return
    if not _may_be_file(raw):
        entry = ledger.add("prompt", node.location, shown)
        yield SourcePrompt(raw, names, label or "", entry, node.location, "")
        return
    reference = raw.removeprefix("file://")
    if "{{" in reference and not raw.startswith("file://"):
        entry = ledger.add("prompt", node.location, shown)
        yield SourcePrompt(raw, names, label or "", entry, node.location, "")
        return
    yield from _in_files(node, raw, reference, names, folder, base, ledger, label)


def _in_files(
    node: Node,
    raw: str,
    reference: str,
    names: tuple[str, ...],
    folder: Folder,
    base: str,
    ledger: Ledger,
    label: str | None,
) -> Iterator[SourcePrompt]:
    shown = " ".join((label or raw).split())[:60]
    try:
        name = folder.name_of(base, reference, node.location)
        files = folder.matching(name) if "*" in name else [name]
        texts = [(file, folder.text(file, node.location)) for file in files if not _CODE.search(file)]
    except RunnerError as error:
        if not raw.startswith("file://") and not _TEXT.search(raw) and " " in raw:
            entry = ledger.add("prompt", node.location, shown)
            yield SourcePrompt(raw, names, label or "", entry, node.location, "")
            return
        ledger.add("prompt", node.location, shown).lose("I302", error.message)
        return
    if not texts:
        ledger.add("prompt", node.location, shown).lose("I302", f"no file matches {reference}")
    for file, text in texts:
        place = Location(folder.shown_as(file), 1, 1)
        stem = (
            (label or file.rsplit("/", 1)[-1].rsplit(".", 1)[0])
            if len(texts) == 1
            else file.rsplit("/", 1)[-1]
        )
        parts = _parts(file, text)
        for number, (line, part) in enumerate(parts):
            entry = ledger.add(
                "prompt", node.location if len(parts) == 1 else Location(place.path, line, 1), shown
            )
            called = stem if len(parts) == 1 else f"{stem}-{number + 1}"
            yield SourcePrompt(
                part, (*names, raw), called, entry, place, file.rpartition("/")[0], first_line=line
            )


def _parts(file: str, text: str) -> list[tuple[int, str]]:
    """Return the prompts of a file, each with its first line."""
    ending = file.lower().rsplit(".", 1)[-1]
    if ending == "txt":
        found: list[tuple[int, str]] = []
        start, lines = 1, text.split("\n")
        for number, line in enumerate([*lines, "---"], 1):
            if line.strip() == "---":
                part = "\n".join(lines[start - 1 : number - 1])
                if part.strip():
                    first = start + part[: len(part) - len(part.lstrip())].count("\n")
                    found.append((first, part.strip()))
                start = number + 1
        return found
    if ending == "jsonl":
        return [(number, line) for number, line in enumerate(text.split("\n"), 1) if line]
    if ending in ("yaml", "yml"):
        try:
            return [(1, json.dumps(parse_yaml(text, file).value, ensure_ascii=False))]
        except RunnerError:
            return [(1, text)]
    return [(1, text)]


def worded(prompt: SourcePrompt, rename: dict[str, str]) -> Wording:
    """Return the messages of a prompt. Raises NoCounterpartError with a line of the prompt's text."""
    made = Wording([])

    def template(text: str) -> str:
        return made.add(from_nunjucks(text, rename=lambda name: rename.get(name, name)))

    text = prompt.text
    parsed, whole = _parsed(text)
    if parsed is None:
        made.messages = [{"role": "user", "content": template(text)}]
        return made
    made.compact = whole
    messages = (
        parsed if isinstance(parsed, list) else parsed.get("messages") if isinstance(parsed, dict) else None
    )
    if not isinstance(messages, list) or not messages or not all(_is_message(each) for each in messages):
        made.compact = False
        made.messages = [{"role": "user", "content": template(text)}]
        if whole:  # promptfoo sends other JSON as text
            made.messages = [
                {"role": "user", "content": template(json.dumps(parsed, indent=2, ensure_ascii=False))}
            ]
        return made
    made.messages = [_message(each, template) for each in messages]
    return made


def _is_message(value: Json) -> bool:
    return isinstance(value, dict) and value.get("role") in _ROLES


def _message(value: Json, template: object) -> Json:
    assert callable(template)
    if isinstance(value, str):
        return str(template(value))
    if isinstance(value, list):
        return [_message(each, template) for each in value]
    if isinstance(value, dict):
        return {
            key: part if key in ("role", "type", "name", "detail") else _message(part, template)
            for key, part in value.items()
        }
    return value


_BARE = re.compile(r"(?P<before>[:\[,]\s*)(?P<tag>\{\{(?:(?!\}\}).)*\}\})(?P<after>\s*[,\]}])", re.DOTALL)


def _parsed(text: str) -> tuple[Json, bool]:
    """Return the value of a prompt that is JSON or YAML of messages, and whether it is JSON before it is rendered."""
    stripped = text.strip()
    if stripped.startswith(("[", "{")):
        try:
            return parse_json(stripped, "").value, True
        except RunnerError:
            pass
        # `"content": {{ text | dump }}` is JSON only after rendering. The dumped value is the text itself.
        quoted = _BARE.sub(
            lambda found: found["before"] + json.dumps(_undumped(found["tag"])) + found["after"], stripped
        )
        try:
            value = parse_json(quoted, "").value
        except RunnerError:
            return None, False
        return (value, False) if isinstance(value, list) else (None, False)
    if stripped.startswith("- role:"):
        try:
            return parse_yaml(_quoted_tags(stripped), "").value, False
        except RunnerError:
            return None, False
    return None, False


def _undumped(tag: str) -> str:
    return re.sub(r"\s*\|\s*dump\s*(?:\(\s*\))?", "", tag)


def _quoted_tags(text: str) -> str:
    """Return YAML in which `content: {{ text }}` is a string."""
    return re.sub(
        r"^(\s*(?:- )?\w+:\s+)(\{\{.*\}\})\s*$",
        lambda found: found[1] + json.dumps(_undumped(found[2])),
        text,
        flags=re.MULTILINE,
    )

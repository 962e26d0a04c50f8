"""Read the body of a Prompty file: lines with roles separate its messages, whose contents are templates."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from jinja2 import Environment, TemplateError, meta

from ...errors import Location, RunnerError
from ...render.filters import METHODS
from ...values import Json
from ..ledger import Entry, RefusedSourceError
from ..literal import all_texts
from ..sources import Folder

__all__ = ["PromptyBody"]

_ROLE = re.compile(r"(?im)^\s*#?\s*(system|user|assistant|function|developer)\s*:\s*\n")
_LAST_ROLE = re.compile(r"(?im)^\s*#?\s*(system|user|assistant|function|developer)\s*:\s*\Z")
_HISTORY = re.compile(
    r"\{%-?\s*for\s+(?P<item>\w+)\s+in\s+(?P<list>\w+)\s*-?%\}\s*#?\s*"
    r"\{\{-?\s*(?P=item)(?:\.role|\[.role.\])\s*-?\}\}\s*:\s*"
    r"\{\{-?\s*(?P=item)(?:\.content|\[.content.\])\s*-?\}\}\s*\{%-?\s*endfor\s*-?%\}"
)
_PRINTED_ROLE = re.compile(r"(?m)^\s*#?\s*\{\{[^}]*\}\}\s*:\s*$")
_IMAGE = re.compile(r"(!\[[^\]]*\])\((.*?)(?=\"|\))\)")
_BLOCK = re.compile(r"\{%-?\s*(end)?(if|for|macro|call|filter|set|block|raw|with)\b([^%]*)%\}")
_MARK = "\ue0f7history:"
_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_CHAIN = re.compile(r"""(?<![\w."'])[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+(?![\w("'])""")
_LOOP = re.compile(r"\{%-?\s*for\s+(\w+)\s+in\s+([A-Za-z_][\w.]*)\s*-?%\}")
_FIRST = re.compile(r"\{(?:(%).*?%\}|\{-?\s*(\w+)[^{}]*\}\})", re.DOTALL)
_LAST = re.compile(r"\{(?:(%)(?:(?!%\}).)*%\}|\{-?\s*(\w+)[^{}]*\}\})\Z", re.DOTALL)


@dataclass(slots=True)
class PromptyBody:
    """The text of a body. `values` are the values of its variables in the sample and the defaults.

    Reading it fills `used`, `histories`, `threads` and `files`. Used for one import.
    """

    folder: Folder
    inside: str
    entry: Entry
    text: str
    body_line: int
    mustache: bool
    threads: set[str]
    values: Mapping[str, Json]
    used: dict[str, None] = field(default_factory=dict)
    histories: set[str] = field(default_factory=set)
    files: dict[str, bytes] = field(default_factory=dict)

    def read(self, text: str) -> list[Json]:
        """Return the messages. Raises RefusedSourceError at the line of a construct that has no equivalent."""
        if self.mustache:
            section = re.search(r"\{\{\s*[#^/>!&{]", text)
            if section is not None:
                raise self._refused(text, section, "sections of Mustache have no equivalent")
        else:
            text = self._with_histories(text)
        messages: list[Json] = []
        for role, content, at in self._chunks(text):
            messages += self._messages(role, content, at)
        if not messages:
            raise RefusedSourceError("I303", "its body is empty", location=self.entry.location)
        self._variables(messages)
        return messages

    def _refused(self, text: str, found: re.Match[str] | None, why: str) -> RefusedSourceError:
        line = text.count("\n", 0, found.start()) if found else 0
        place = Location(self.entry.location.path, self.body_line + line, 1)
        self.entry.location = place
        return RefusedSourceError("I303", why, location=place)

    def _with_histories(self, text: str) -> str:
        """Return the text in which the loop that prints a conversation is replaced by a marker with as many lines."""

        def marked(found: re.Match[str]) -> str:
            self.threads.add(found["list"])
            self.histories.add(found["list"])
            return f"\n{_MARK}{found['list']}\n" + "\n" * max(0, found[0].count("\n") - 2)

        text = _HISTORY.sub(marked, text)
        for name in sorted(self.threads):
            text = re.sub(
                rf"(?m)^[ \t]*\{{\{{-?\s*{re.escape(name)}\s*-?\}}\}}[ \t]*$", f"{_MARK}{name}", text
            )
        printed = _PRINTED_ROLE.search(text)
        if printed is not None:
            raise self._refused(
                text,
                printed,
                "the role of a message is computed: a loop that prints roles has no equivalent",
            )
        return text

    def _chunks(self, text: str) -> Iterator[tuple[str, str, int]]:
        """Yield the role, the text and the first character of each message."""
        found = [*_ROLE.finditer(text)]
        ends = [*(each.start() for each in found[1:]), len(text)][: len(found)]
        first = text[: found[0].start()] if found else text
        if first.strip():
            yield "system", first, 0
        for each, end in zip(found, ends, strict=True):
            last = _LAST_ROLE.search(text, each.end(), end) if end == len(text) else None
            yield each[1].lower(), text[each.end() : last.start() if last else end], each.end()

    def _messages(self, role: str, content: str, at: int) -> list[Json]:
        if role == "function":
            raise self._refused(self.text, None, "a message of a function has no equivalent")
        made: list[Json] = []
        pieces = re.split(rf"(?m)^{_MARK}(\w+)$", content)
        for index, piece in enumerate(pieces):
            if index % 2:
                made.append({"type": "placeholder", "name": piece})
            elif piece.strip():
                self._refuse_open_blocks(piece, at)
                text = piece.strip()
                template = _simple(text) if self.mustache else self._lenient(text)
                made.append({"role": role, "content": self._content(template)})
        return made

    def _refuse_open_blocks(self, piece: str, at: int) -> None:
        depth = 0
        for found in _BLOCK.finditer(piece):
            if found[2] == "set" and "=" in found[3]:
                continue
            depth += -1 if found[1] else 1
            if depth < 0:
                break
        if depth:
            line = self.body_line + self.text.count("\n", 0, at)
            place = Location(self.entry.location.path, line, 1)
            self.entry.location = place
            raise RefusedSourceError("I303", "a block of the template spans two messages", location=place)

    def _content(self, text: str) -> Json:
        """Return the text, or its parts if it contains images."""
        found = [*_IMAGE.finditer(text)]
        if not found:
            return text
        parts: list[Json] = []
        at = 0
        for image in found:
            if before := text[at : image.start()].strip():
                parts.append({"type": "text", "text": before})
            url = image[2].split(" ")[0].strip()
            if not url.startswith(("http", "data", "{{")):
                self._copied(url)
            parts.append(
                {"type": "image_url", "image_url": {"url": image[2].strip() if "{{" in url else url}}
            )
            at = image.end()
        if rest := text[at:].strip():
            parts.append({"type": "text", "text": rest})
        return parts

    def _lenient(self, text: str) -> str:
        """Return a template that is trimmed after rendering, and that renders missing members as nothing, as in Prompty."""
        values = dict(self.values)
        items: dict[str, Json] = {}
        for loop in _LOOP.finditer(text):
            item = _every(_looked_up(values, loop[2]))
            values[loop[1]] = items[loop[1]] = _common(items.get(loop[1], item), item)
        text = _TAG.sub(lambda tag: _CHAIN.sub(lambda found: _or_nothing(found[0], values), tag[0]), text)
        first, last = _FIRST.match(text), _LAST.search(text)
        alone = first is not None and first[0] == text
        edges = [edge for edge in (first, last) if edge is not None]
        if not alone and any(edge[1] == "%" or edge[2] not in values for edge in edges):
            return f"{{% filter trim %}}{text}{{% endfilter %}}"
        return text

    def _copied(self, name: str) -> None:
        try:
            file = self.folder.name_of(self.inside, name, self.entry.location)
            data = self.folder.read(file, self.entry.location)
        except RunnerError as error:
            raise RefusedSourceError(
                "I302", f"an image: {error.message}", location=self.entry.location
            ) from None
        self.files[name] = data

    def _variables(self, messages: list[Json]) -> None:
        environment = Environment(autoescape=False)  # noqa: S701 - parsed for its names only, never rendered
        for text in all_texts(messages):
            try:
                names = meta.find_undeclared_variables(environment.parse(text))
            except TemplateError as error:
                raise RefusedSourceError(
                    "I303",
                    f"its body is not a valid Jinja template: {error.message}",
                    location=self.entry.location,
                ) from None
            self.used |= dict.fromkeys(sorted(names - {"range", "dict", "namespace", "loop", "self"}))
        self.used |= dict.fromkeys(
            sorted(
                self.threads
                & {str(each["name"]) for each in messages if isinstance(each, dict) and "name" in each}
            )
        )


def _simple(text: str) -> str:
    return re.sub(r"\{\{\{\s*(\w+)\s*\}\}\}", r"{{ \1 }}", text)


_MISSING = "\0missing"


def _looked_up(values: Mapping[str, Json], chain: str) -> Json:
    """Return the value of a chain of members, or _MISSING."""
    name, *members = chain.split(".")
    value: Json = values.get(name, _MISSING)
    for member in members:
        value = value.get(member, _MISSING) if isinstance(value, dict) else _MISSING
    return value


def _every(value: Json) -> Json:
    """Return an object with the members that all items of a list have; _MISSING if the list is not known."""
    if value == _MISSING:
        return value
    return functools.reduce(_common, value) if isinstance(value, list) and value else {}


def _common(one: Json, other: Json) -> Json:
    """Return an object with the members that both values have. Only objects have members."""
    if one is other:
        return one
    if not isinstance(one, dict) or not isinstance(other, dict):
        return {}
    return {key: part for key, part in one.items() if key in other}


def _or_nothing(chain: str, values: Mapping[str, Json]) -> str:
    """Return a chain of members, with an empty default if the sample lacks it."""
    name = chain.partition(".")[0]
    known = values.get(name, _MISSING)
    if known == _MISSING or name == "loop" or _looked_up(values, chain) != _MISSING:
        return chain
    owner, _, member = chain.rpartition(".")
    if member in METHODS[str]:  # of a string, this would be the method
        chain = f'{owner}["{member}"]'
    return f'({chain} | default(""))'

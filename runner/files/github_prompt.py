"""Read prompt files of GitHub Models (`testData`, `evaluators`, `modelParameters`, ...) by translating them to our format.

The service was retired in July 2026. The files are read as its tools read them (github/gh-models, actions/ai-inference):
placeholders are filled in one pass, every key of a row is a variable, and evaluators ignore white space around the
answer. What those tools did not read is left out, with a warning.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from ..documents.documents import Document
from ..documents.json_reader import parse_json
from ..documents.mapped import Embedded, MappedDocument
from ..errors import Diagnostic, FormatError, Location, SyntaxFileError
from ..schema import show
from ..values import Json, JsonPath
from .formats import schema, validate
from .github_evaluators import GithubEvaluators
from .github_remarks import UNREAD, GithubRemarks
from .model import Assertion
from .violations import foreign_key

__all__ = ["PLACEHOLDER", "GithubPrompt", "is_github_prompt", "read_github_prompt"]

PLACEHOLDER = re.compile(r"\{\{([\w-][\w.-]*)\}\}")
"""A placeholder, with the captured name of its variable; `{{ name }}` with spaces is text."""

_ONLY_GITHUB = ("modelParameters", "responseFormat", "jsonSchema", "testData", "evaluators")
_SHARED = ("name", "description", "tags", "authors", "model", "messages")
_UNREAD = frozenset({"metadata"})
"""Keys of our format that are notes in GitHub's files."""

_PARAMETERS = (
    "temperature", "top_p", "max_tokens", "max_completion_tokens", "frequency_penalty", "presence_penalty", "seed", "stop",
    "reasoning_effort",
)  # fmt: skip
_READ_BY_GITHUB = frozenset({"temperature", "topP", "maxTokens", "maxCompletionTokens"})


@dataclass(frozen=True, slots=True)
class GithubPrompt:
    """A translated file: `document` has our format, with the file's own positions.

    `beside` has the `inputs`, if there is test data, whose names are not validated against our format; `asserts` are
    the evaluators.
    """

    document: MappedDocument
    beside: Mapping[str, Mapping[str, Json]]
    asserts: tuple[Assertion, ...]
    warnings: tuple[Diagnostic, ...]


def is_github_prompt(value: Json, file: str) -> bool:
    """Return whether a file is in GitHub's format: it has a key that only this format has.

    In `.github/prompts`, a file that has only keys common to both formats is one too.
    """
    if not isinstance(value, Mapping):
        return False
    plain = "messages" in value and all(key in _SHARED or key.startswith("x-") for key in value)
    return any(key in value for key in _ONLY_GITHUB) or (plain and "/.github/prompts/" in f"/{file}")


def read_github_prompt(document: Document) -> GithubPrompt:
    """Read a prompt file in GitHub's format.

    Raises FormatError at the place of the mistake, Problems if there are several. Mixing keys of both formats is one.
    """
    _refuse_both_formats(document)
    validate(document, "github")
    return _Reader(document).read()


def _refuse_both_formats(document: Document) -> None:
    value = cast("Mapping[str, Json]", document.value)
    ours = schema("prompt")["properties"].keys() - {*_SHARED, *_UNREAD}
    theirs = next((key for key in value if key in _ONLY_GITHUB), None)
    for key in value:
        if theirs is not None and key in ours:
            where = document.locate_key((theirs,))
            raise FormatError(
                f'"{key}" is a key of runner\'s format, but "{theirs}" (line {where.line}) is one of GitHub\'s',
                location=document.locate_key((key,)),
                hint=f"use one of the two formats; for {theirs} in runner's: {foreign_key(theirs)}",
            )


class _Reader:
    """Translates one file. An instance lives for one call."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.spec = {
            key: value
            for key, value in cast("Mapping[str, Any]", document.value).items()
            if value is not None or key.startswith("x-")
        }
        self.remarks = GithubRemarks(document)
        self.asked: Mapping[str, Location] = {}
        self.compared: Mapping[str, Location] = {}
        self.sources: dict[JsonPath, JsonPath | Embedded] = {
            ("tests",): ("testData",),
            ("response_format",): ("responseFormat",),
        }

    def read(self) -> GithubPrompt:
        made: dict[str, Json] = {}
        evaluators = GithubEvaluators(self.document, self.remarks)
        asserts = tuple(evaluators.read(self.spec.get("evaluators", ())))
        self.asked = self._names_in_messages()
        self.compared = {
            name: each.locate("value")
            for each in reversed(asserts)
            if each.evaluator
            for name in PLACEHOLDER.findall(str(each.spec["value"]))
        }
        for key, value in self.spec.items():
            made.update(self._field(key, value))
        rows = self.spec.get("testData", [])
        beside = {"inputs": self._inputs(rows)} if rows else {}
        self.remarks.problems.raise_any()
        document = MappedDocument(made, self.document, self._source_of)
        return GithubPrompt(document, beside, asserts, tuple(self.remarks.first_warnings()))

    def _source_of(self, path: JsonPath) -> JsonPath | Embedded:
        if path[:1] == ("tests",) and path[2:3] == ("vars",):
            return ("testData", *path[1:2], *path[3:])
        for end in range(len(path), 0, -1):
            source = self.sources.get(path[:end])
            if isinstance(source, Embedded):
                return source._replace(path=(*source.path, *path[end:]))
            if source is not None:
                return (*source, *path[end:])
        return path

    def _field(self, key: str, value: Any) -> Mapping[str, Json]:
        match key:
            case "name":
                return self._name(value)
            case "description" | "tags" | "authors" | "model":
                return {key: value}
            case "messages":
                return {key: [self._message(each, index) for index, each in enumerate(value)]}
            case "modelParameters":
                return self._parameters(value)
            case "responseFormat":
                return {"response_format": self._response_format(value)}
            case "testData":
                return {"tests": self._tests(value)} if value else {}
            case "evaluators":
                return {}
            case "jsonSchema":
                if self.spec.get("responseFormat") != "json_schema":
                    self.remarks.unread(
                        ("jsonSchema",), "jsonSchema is for responseFormat: json_schema and is not sent"
                    )
                return {}
        if key.startswith("x-"):
            return {key: value}
        self.remarks.unknown((key,), (*_ONLY_GITHUB, *_SHARED), "the file")
        return {}

    # --- the request ------------------------------------------------------------------------------------------

    def _name(self, name: str) -> dict[str, Json]:
        usable = re.sub(r'[/\\:*?"<>|\x00-\x1f]+', "-", name).strip(" .\t-")[:80].rstrip(" .-")
        if usable == name:
            return {"name": name}
        if name:
            here = show(usable) if usable else "that of the file"
            self.remarks.unread(("name",), f"the name becomes {here}, because it names a folder of snapshots")
        return {**({"name": usable} if usable else {}), "x-name": name}

    def _message(self, message: Mapping[str, Json], index: int) -> Json:
        if "content" not in message:
            location = self.document.locate(("messages", index))
            hint = (
                "GitHub's tools read content only: write the text of parts there"
                if "parts" in message
                else None
            )
            self.remarks.refuse(f'messages[{index}] needs "content"', location, hint)
            return {**message}
        for key in message:
            if key not in ("role", "content"):
                self.remarks.unknown(("messages", index, key), ("role", "content"), f"messages[{index}]")
        content = str(message["content"])
        if not content.strip():
            location = self.document.locate(("messages", index, "content"))
            self.remarks.refuse(f"messages[{index}] is empty", location)
        return {"role": str(message["role"]).lower(), "content": content}

    def _parameters(self, given: Mapping[str, Json]) -> dict[str, Json]:
        made: dict[str, Json] = {}
        spelt: dict[str, str] = {}
        for key, value in given.items():
            at = ("modelParameters", key)
            wire = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", key).lower()
            if wire not in _PARAMETERS:
                self.remarks.unknown(at, (*_PARAMETERS, *_READ_BY_GITHUB), "modelParameters")
            elif wire in spelt:
                line = self.document.locate_key(("modelParameters", spelt[wire])).line
                self.remarks.refuse(
                    f"{key} repeats {spelt[wire]} on line {line}",
                    self.document.locate_key(at),
                    "keep one of them",
                )
            elif value is not None:
                spelt[wire] = key
                made[wire] = value
                self.sources[(wire,)] = at
                if key not in _READ_BY_GITHUB:
                    here = "it is sent" if key == wire else f"it is sent as {wire}"
                    self.remarks.unread(at, f"gh-models ignored {key}; here {here}")
        return made

    def _response_format(self, kind: str) -> Json:
        if kind != "json_schema":
            return {"type": kind}
        declared = self.spec.get("jsonSchema")
        if declared is None:
            location = self.document.locate_key(("responseFormat",))
            self.remarks.refuse("responseFormat: json_schema needs jsonSchema", location)
            return {"type": kind}
        source: JsonPath | Embedded = ("jsonSchema",)
        if isinstance(declared, str):
            try:
                inner = parse_json(declared, self.document.path)
            except SyntaxFileError as error:
                place = error.location or Location(self.document.path)
                location = self.document.text_location(("jsonSchema",), place.line or 1, place.column)
                self.remarks.refuse(f"jsonSchema is not JSON: {error.message}", location, error.hint)
                return {"type": kind}
            source, declared = Embedded(("jsonSchema",), inner, ()), inner.value
        self.sources["response_format", "json_schema"] = source
        if not isinstance(declared, Mapping) or not {"name", "schema"} <= declared.keys():
            self.remarks.refuse(
                "jsonSchema needs name and schema",
                self.document.locate(("jsonSchema",)),
                'write {"name": "...", "strict": true, "schema": {...}}',
            )
            return {"type": kind}
        return {"type": kind, "json_schema": declared}

    # --- testData and evaluators ------------------------------------------------------------------------------

    def _names_in_messages(self) -> dict[str, Location]:
        """Return the variables that messages read, each with the first place that does."""
        found: dict[str, Location] = {}
        for index, message in enumerate(self.spec["messages"]):
            text = message.get("content", "")
            for match in PLACEHOLDER.finditer(text):
                if match[1] not in found:
                    line = text.count("\n", 0, match.start()) + 1
                    found[match[1]] = self.document.text_location(("messages", index, "content"), line)
        return found

    def _tests(self, rows: Sequence[Mapping[str, Json]]) -> list[Json]:
        """Return a case for each row. A placeholder without a value is sent unchanged, as GitHub's tools do."""
        tests: list[Json] = []
        for index, row in enumerate(rows):
            at: JsonPath = ("testData", index)
            for name in [each for each in self.compared if each not in row]:
                self.remarks.refuse(
                    f'testData[{index}] has no "{name}", which is compared on line {self.compared[name].line}',
                    self.document.locate(at),
                    "add the value: no answer equals the braces",
                )
            missing = [each for each in self.asked if each not in row and each not in self.compared]
            for name in missing:
                line = self.asked[name].line
                message = (
                    f'testData[{index}] has no "{name}": {{{{{name}}}}} on line {line} is sent unchanged'
                )
                location = self.document.locate(at)
                hint = "add the value, or write the intended text"
                self.remarks.warn(UNREAD, message, location, hint)
            tests.append({"vars": {**row, **{name: f"{{{{{name}}}}}" for name in missing}}})
        return tests

    def _inputs(self, rows: Sequence[Mapping[str, Json]]) -> dict[str, Json]:
        """Return an input for every key of every row; a key that nothing reads defaults to null."""
        inputs: dict[str, Json] = {}
        for index, row in enumerate(rows):
            for name in row:
                if name not in inputs:
                    self.sources["inputs", name] = ("testData", index, name)
                    read = name in self.asked or name in self.compared
                    inputs[name] = {} if read else {"default": None}
                    self._check_row_key(name, index)
        for name in (*self.asked, *self.compared):
            inputs.setdefault(name, {})
        self._remark_on_values(rows)
        return inputs

    def _check_row_key(self, name: str, index: int) -> None:
        """Refuse names that GitHub's tools fill in but that would stay as they are here."""
        braced = f"{{{{{name}}}}}"
        if PLACEHOLDER.fullmatch(braced) is None and any(
            braced in message.get("content", "") for message in self.spec["messages"]
        ):
            location = self.document.locate_key(("testData", index, name))
            hint = "a name consists of letters, digits, _, - and dots"
            self.remarks.refuse(f"{braced} cannot be filled in", location, hint)

    def _remark_on_values(self, rows: Sequence[Mapping[str, Json]]) -> None:
        """Warn, once for each variable, if gh-models would write its value differently."""
        warned: set[str] = set()
        for index, row in enumerate(rows):
            for name, value in row.items():
                if name in warned or name not in self.asked:
                    continue
                if value is None or isinstance(value, list | Mapping):
                    warned.add(name)
                    message = f"{name} is written as JSON; gh-models used Go's notation"
                    self.remarks.unread(("testData", index, name), message)
                elif isinstance(value, str) and any(each in row for each in PLACEHOLDER.findall(value)):
                    warned.add(name)
                    message = (
                        f"{name} contains braces, which stay as they are; gh-models might fill them in too"
                    )
                    self.remarks.unread(("testData", index, name), message)

"""Read prompt files of GitHub Models (`testData`, `evaluators`, `modelParameters`, ...) by translating them to our format.

The service was retired in July 2026. The files are read as its tools read them (github/gh-models, actions/ai-inference):
placeholders are filled in one pass, every key of a row is a variable, and evaluators ignore white space around the
answer. What those tools did not read is left out, with a warning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from ..documents.documents import Document
from ..documents.json_reader import parse_json
from ..documents.mapped import Embedded, MappedDocument
from ..errors import Diagnostic, FormatError, Location, SyntaxFileError, did_you_mean
from ..schema import show
from ..values import Json, JsonPath
from .formats import schema, validate
from .model import Assertion
from .problems import MOST, ProblemList
from .violations import foreign_key, near

__all__ = ["PLACEHOLDER", "GithubPrompt", "is_github_prompt", "read_github_prompt", "scalar_text"]

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

_STRING_TYPES = {
    "equals": "equals",
    "contains": "icontains",
    "startsWith": "istarts-with",
    "endsWith": "iends-with",
}
_KINDS = ("string", "llm", "uses")

_UNREAD_CODE = "W018"
_UNJUDGED_CODE = "W019"


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
        self.problems = ProblemList()
        self.refused = 0
        self.warnings: list[Diagnostic] = []
        self.asked: Mapping[str, Location] = {}
        self.compared: Mapping[str, Location] = {}
        self.sources: dict[JsonPath, JsonPath | Embedded] = {
            ("tests",): ("testData",),
            ("response_format",): ("responseFormat",),
        }

    def read(self) -> GithubPrompt:
        made: dict[str, Json] = {}
        asserts = tuple(self._evaluators())
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
        self.problems.raise_any()
        document = MappedDocument(made, self.document, self._source_of)
        return GithubPrompt(document, beside, asserts, tuple(self._first_warnings()))

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
                    self._unread(
                        ("jsonSchema",), "jsonSchema is for responseFormat: json_schema and is not sent"
                    )
                return {}
        if key.startswith("x-"):
            return {key: value}
        self._unknown((key,), (*_ONLY_GITHUB, *_SHARED), "the file")
        return {}

    def _first_warnings(self) -> Iterator[Diagnostic]:
        yield from self.warnings[:MOST]
        if len(self.warnings) > MOST:
            more, location = len(self.warnings) - MOST, self.warnings[MOST].location
            yield Diagnostic(
                "warning", _UNREAD_CODE, f"there are {more:,} more warnings of this kind", location
            )

    def _refuse(self, error: FormatError) -> None:
        """Keep an error; the first MOST are reported, as for every format."""
        if self.refused < MOST:
            self.problems.add(error)
        self.refused += 1

    # --- remarks ----------------------------------------------------------------------------------------------

    def _unread(self, at: JsonPath, message: str, hint: str | None = None) -> None:
        location = self.document.locate_key(at)
        self.warnings.append(Diagnostic("warning", _UNREAD_CODE, message, location, hint))

    def _unknown(self, at: JsonPath, known: Sequence[str], where: str) -> None:
        """Handle a key that GitHub's tools do not read: a mistake if it resembles one that they do, else a note."""
        key = str(at[-1])
        if hint := near(key, known) or _in_camel_case(key, known):
            location = self.document.locate_key(at)
            self._refuse(FormatError(f'unknown key "{key}" in {where}', location=location, hint=hint))
        else:
            hint = "begin notes with x-" if len(at) == 1 else None
            self._unread(at, f'"{key}" is not part of GitHub\'s format and is ignored', hint)

    # --- the request ------------------------------------------------------------------------------------------

    def _name(self, name: str) -> dict[str, Json]:
        usable = re.sub(r'[/\\:*?"<>|\x00-\x1f]+', "-", name).strip(" .\t-")[:80].rstrip(" .-")
        if usable == name:
            return {"name": name}
        if name:
            here = show(usable) if usable else "that of the file"
            self._unread(("name",), f"the name becomes {here}, because it names a folder of snapshots")
        return {**({"name": usable} if usable else {}), "x-name": name}

    def _message(self, message: Mapping[str, Json], index: int) -> Json:
        if "content" not in message:
            location = self.document.locate(("messages", index))
            hint = (
                "GitHub's tools read content only: write the text of parts there"
                if "parts" in message
                else None
            )
            self._refuse(FormatError(f'messages[{index}] needs "content"', location=location, hint=hint))
            return {**message}
        for key in message:
            if key not in ("role", "content"):
                self._unknown(("messages", index, key), ("role", "content"), f"messages[{index}]")
        content = str(message["content"])
        if not content.strip():
            location = self.document.locate(("messages", index, "content"))
            self._refuse(FormatError(f"messages[{index}] is empty", location=location))
        return {"role": str(message["role"]).lower(), "content": content}

    def _parameters(self, given: Mapping[str, Json]) -> dict[str, Json]:
        made: dict[str, Json] = {}
        spelt: dict[str, str] = {}
        for key, value in given.items():
            at = ("modelParameters", key)
            wire = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", key).lower()
            if wire not in _PARAMETERS:
                self._unknown(at, (*_PARAMETERS, *_READ_BY_GITHUB), "modelParameters")
            elif wire in spelt:
                line = self.document.locate_key(("modelParameters", spelt[wire])).line
                self._refuse(
                    FormatError(
                        f"{key} repeats {spelt[wire]} on line {line}",
                        location=self.document.locate_key(at),
                        hint="keep one of them",
                    )
                )
            elif value is not None:
                spelt[wire] = key
                made[wire] = value
                self.sources[(wire,)] = at
                if key not in _READ_BY_GITHUB:
                    here = "it is sent" if key == wire else f"it is sent as {wire}"
                    self._unread(at, f"gh-models ignored {key}; here {here}")
        return made

    def _response_format(self, kind: str) -> Json:
        if kind != "json_schema":
            return {"type": kind}
        declared = self.spec.get("jsonSchema")
        if declared is None:
            location = self.document.locate_key(("responseFormat",))
            self._refuse(FormatError("responseFormat: json_schema needs jsonSchema", location=location))
            return {"type": kind}
        source: JsonPath | Embedded = ("jsonSchema",)
        if isinstance(declared, str):
            try:
                inner = parse_json(declared, self.document.path)
            except SyntaxFileError as error:
                place = error.location or Location(self.document.path)
                location = self.document.text_location(("jsonSchema",), place.line or 1, place.column)
                self._refuse(
                    FormatError(
                        f"jsonSchema is not JSON: {error.message}", location=location, hint=error.hint
                    )
                )
                return {"type": kind}
            source, declared = Embedded(("jsonSchema",), inner, ()), inner.value
        self.sources["response_format", "json_schema"] = source
        if not isinstance(declared, Mapping) or not {"name", "schema"} <= declared.keys():
            self._refuse(
                FormatError(
                    "jsonSchema needs name and schema",
                    location=self.document.locate(("jsonSchema",)),
                    hint='write {"name": "...", "strict": true, "schema": {...}}',
                )
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
                self._refuse(
                    FormatError(
                        f'testData[{index}] has no "{name}", which is compared on line {self.compared[name].line}',
                        location=self.document.locate(at),
                        hint="add the value: no answer equals the braces",
                    )
                )
            missing = [each for each in self.asked if each not in row and each not in self.compared]
            for name in missing:
                line = self.asked[name].line
                message = (
                    f'testData[{index}] has no "{name}": {{{{{name}}}}} on line {line} is sent unchanged'
                )
                location = self.document.locate(at)
                hint = "add the value, or write the intended text"
                self.warnings.append(Diagnostic("warning", _UNREAD_CODE, message, location, hint))
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
            self._refuse(FormatError(f"{braced} cannot be filled in", location=location, hint=hint))

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
                    self._unread(("testData", index, name), message)
                elif isinstance(value, str) and any(each in row for each in PLACEHOLDER.findall(value)):
                    warned.add(name)
                    message = (
                        f"{name} contains braces, which stay as they are; gh-models might fill them in too"
                    )
                    self._unread(("testData", index, name), message)

    def _evaluators(self) -> Iterator[Assertion]:
        for index, each in enumerate(self.spec.get("evaluators", ())):
            at: JsonPath = ("evaluators", index)
            given = [key for key in each if key != "name" and not key.startswith("x-")]
            if not given:
                self._refuse(
                    FormatError(
                        f"evaluators[{index}] checks nothing",
                        location=self.document.locate(at),
                        hint=f"give it one of {', '.join(_KINDS)}",
                    )
                )
            for key in given:
                if key == "string":
                    yield from self._string(each, at)
                elif key == "llm":
                    yield self._unjudged((*at, key), each, "llm", "llm asks a model for the verdict")
                elif key == "uses":
                    plugin = str(each[key])
                    yield self._unjudged(
                        (*at, key), each, f"uses {plugin}", f"{plugin} asks a model for the verdict"
                    )
                elif hint := near(key, _KINDS):
                    location = self.document.locate_key((*at, key))
                    self._refuse(
                        FormatError(
                            f'unknown key "{key}" in evaluators[{index}]', location=location, hint=hint
                        )
                    )
                else:
                    yield self._unjudged(
                        (*at, key), each, f"evaluator {key}", f'GitHub\'s format has no evaluator "{key}"'
                    )

    def _string(self, evaluator: Mapping[str, Any], at: JsonPath) -> Iterator[Assertion]:
        string = evaluator["string"]
        compared = [key for key in string if key in _STRING_TYPES]
        for key in string:
            place = (*at, "string", key)
            if key in _STRING_TYPES:
                value = scalar_text(self.document, place, string[key])
                spec: dict[str, Json] = {"type": _STRING_TYPES[key], "value": value}
                yield Assertion(spec, self.document.locate_key(place), self._places(place), evaluator=True)
            elif hint := near(key, _STRING_TYPES) or _in_camel_case(key, _STRING_TYPES):
                location = self.document.locate_key(place)
                self._refuse(FormatError(f'unknown key "{key}" in string', location=location, hint=hint))
            else:
                why = f"GitHub's format has no string.{key}"
                yield self._unjudged(place, evaluator, f"string.{key}", why)
        if len(compared) > 1:
            first = next(key for key in _STRING_TYPES if key in compared)
            message = f"all of {', '.join(compared)} must hold here; gh-models checks only {first}"
            self._unread((*at, "string"), message)

    def _places(self, place: JsonPath) -> Any:
        def find(path: JsonPath, at_key: bool) -> Location:  # noqa: FBT001 - the shape that Assertion asks for
            whole = place if path[:1] in (("value",), ("type",)) else (*place, *path)
            by_key = at_key or path[:1] == ("type",)
            return self.document.locate_key(whole) if by_key else self.document.locate(whole)

        return find

    def _unjudged(self, place: JsonPath, evaluator: Mapping[str, Json], label: str, why: str) -> Assertion:
        """Return the assertion for an evaluator that cannot be judged: every answer fails it, and a warning says so."""
        location = self.document.locate_key(place)
        name = evaluator.get("name")
        who = f"{name} is not judged" if name else "this is not judged"
        hint = "its cases fail; rename evaluators to x-evaluators, or move this one there, to do without it"
        self.warnings.append(Diagnostic("warning", _UNJUDGED_CODE, f"{who}: {why}", location, hint))
        spec: dict[str, Json] = {"type": label, "value": dict(evaluator)}
        return Assertion(spec, location, self._places(place), unjudged=f"{who}: {why}")


def scalar_text(document: Document, path: JsonPath, value: Json) -> str:
    """Return the value of an evaluator as GitHub's tools read it: a number or `true` without quotes is the text in the file."""
    if isinstance(value, str):
        return value
    location = document.locate(path)
    line = document.source_line(location.line or 1) or ""
    found = re.match(r"[^\s,\]}#]+", line[(location.column or 1) - 1 :])
    return found[0] if found is not None else str(value)


def _in_camel_case(key: str, known: Sequence[str] | Mapping[str, Any]) -> str | None:
    """Return the hint for a key that differs from a known one only in case and underscores, or None."""
    plain = re.sub(r"[_-]", "", key).lower()
    meant = next((each for each in known if re.sub(r"[_-]", "", each).lower() == plain), None)
    return did_you_mean(meant) if meant else None

"""Read the evaluators of prompt files of GitHub Models as assertions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ..documents.documents import Document
from ..errors import Location
from ..values import Json, JsonPath
from .github_remarks import GithubRemarks
from .model import Assertion
from .violations import near

__all__ = ["GithubEvaluators", "scalar_text"]

_STRING_TYPES = {
    "equals": "equals",
    "contains": "icontains",
    "startsWith": "istarts-with",
    "endsWith": "iends-with",
}
_KINDS = ("string", "llm", "uses")
_UNJUDGED: Final = "W019"


class GithubEvaluators:
    """Reads the evaluators of one file."""

    def __init__(self, document: Document, remarks: GithubRemarks) -> None:
        self.document = document
        self.remarks = remarks

    def read(self, evaluators: Sequence[Mapping[str, Any]]) -> Iterator[Assertion]:
        """Yield the assertions of the evaluators."""
        for index, each in enumerate(evaluators):
            at: JsonPath = ("evaluators", index)
            given = [key for key in each if key != "name" and not key.startswith("x-")]
            if not given:
                self.remarks.refuse(
                    f"evaluators[{index}] checks nothing",
                    self.document.locate(at),
                    f"give it one of {', '.join(_KINDS)}",
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
                    self.remarks.refuse(f'unknown key "{key}" in evaluators[{index}]', location, hint)
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
            elif hint := self.remarks.meant(key, _STRING_TYPES):
                self.remarks.refuse(f'unknown key "{key}" in string', self.document.locate_key(place), hint)
            else:
                why = f"GitHub's format has no string.{key}"
                yield self._unjudged(place, evaluator, f"string.{key}", why)
        if len(compared) > 1:
            first = next(key for key in _STRING_TYPES if key in compared)
            message = f"all of {', '.join(compared)} must hold here; gh-models checks only {first}"
            self.remarks.unread((*at, "string"), message)

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
        self.remarks.warn(_UNJUDGED, f"{who}: {why}", location, hint)
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

"""Read the variables of a Prompty file, its inputs and its sample, and declare them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ...errors import Location, RunnerError
from ...values import Json
from ..drafts import CaseDraft, Draft
from ..ledger import Entry, Ledger
from ..literal import all_texts
from ..names import input_name
from ..nodes import Node
from ..sources import Folder
from .references import UnreadError, resolved

__all__ = ["JSON_TYPES", "PromptyVariables"]

JSON_TYPES = {
    "string": "string", "str": "string", "text": "string", "number": "number", "float": "number", "double": "number",
    "integer": "integer", "int": "integer", "boolean": "boolean", "bool": "boolean", "object": "object", "dict": "object",
    "array": "array", "list": "array",
}  # fmt: skip
"""The JSON type of each name of a type in Prompty."""


@dataclass(slots=True)
class PromptyVariables:
    """The variables of one file. Used for one import.

    `given` are their declarations, `threads` those that contain conversations, `used` those that the body uses.
    """

    draft: Draft
    ledger: Ledger
    folder: Folder
    inside: str
    entry: Entry
    given: dict[str, dict[str, Json]] = field(default_factory=dict)
    threads: set[str] = field(default_factory=set)
    sample: dict[str, Json] | None = None
    sample_node: Node | None = None
    used: dict[str, None] = field(default_factory=dict)

    def read_inputs(self, node: Node) -> None:
        """Read `inputs`: a list, or an object with names as keys."""
        if isinstance(node.value, list):
            for item in node.items():
                called = item.get("name")
                if called is not None and called.text:
                    self._input(called.text, item, item.location)
        for name, value in node.entries():
            self._input(name, value, value.key_location)

    def _input(self, name: str, node: Node, place: Location) -> None:
        entry = self.ledger.add("key", place, f'input "{name}"')
        value = node.value
        if not isinstance(value, dict):
            # Early versions have the value itself here: an example.
            self.given[name] = {}
            if value is not None and value != "":
                self.sample = {**(self.sample or {}), name: value}
            return
        kind = value.get("type", value.get("kind"))
        if kind == "thread":
            self.threads.add(name)
            self.given[name] = {"type": "array", "default": []}
            return
        spec: dict[str, Json] = {}
        if isinstance(kind, str):
            if kind.lower() in JSON_TYPES:
                spec["type"] = JSON_TYPES[kind.lower()]
            elif kind.lower() not in ("any", "chat_history", "image", "file"):
                entry.drop("I106", f"the type {kind} is unknown: any value is accepted")
        if isinstance(value.get("description"), str) and value["description"]:
            spec["description"] = value["description"]
        if "default" in value and value["default"] is not None:
            spec["default"] = value["default"]
            if spec.get("type") == "string" and not isinstance(value["default"], str):
                spec.pop("type")
        example = value.get("sample", value.get("example"))
        if example is not None and not isinstance(example, dict | list):
            self.sample = {**(self.sample or {}), name: example}
        if isinstance(value.get("enumValues"), list) and value["enumValues"]:
            spec["enum"] = value["enumValues"]
        self.given[name] = spec

    def read_sample(self, node: Node, entry: Entry) -> None:
        """Read `sample`, which may be the name of a file."""
        self.sample_node = node
        try:
            value: Json
            if isinstance(node.value, str) and not node.value.startswith("${"):
                name = self.folder.name_of(self.inside, node.value, node.location)
                value = self.folder.document(name, node.location).value
            else:
                value = resolved(node, self.folder, self.inside)
        except UnreadError as error:
            entry.lose(error.code, error.why)
            return
        except RunnerError as error:
            entry.lose("I302", error.message)
            return
        if isinstance(value, dict):
            self.sample = {**(self.sample or {}), **value}
        elif value:
            entry.lose("I402", "the sample is not an object")
        else:
            entry.drop("I106", "it is empty")

    def values(self) -> dict[str, Json]:
        """Return the values that are known: defaults, and the sample."""
        defaults = {name: spec["default"] for name, spec in self.given.items() if "default" in spec}
        sample = _stripped(self.sample)
        return {**defaults, **(sample if isinstance(sample, dict) else {})}

    def declare(self) -> None:
        """Declare every variable, and write the sample as a test."""
        sample = self.sample
        names = dict.fromkeys((*self.given, *self.used, *(sample or {})))
        renamed = {name: ours for name in names if (ours := input_name(name)) != name}
        if any(name in self.used for name in renamed):
            renamed = {name: ours for name, ours in renamed.items() if name not in self.used}
        inputs: dict[str, Json] = {}
        for name in names:
            spec = dict(self.given.get(name, {}))
            if name in self.used and "default" not in spec and sample is not None and name not in sample:
                spec["default"] = (
                    []
                    if name in self.threads or spec.get("type") == "array"
                    else {}
                    if spec.get("type") == "object"
                    else ""
                )
                if spec.get("type") in ("number", "integer", "boolean"):
                    spec.pop("type")
                why = "it has neither a sample nor a default, so Prompty renders it as nothing"
                if any(_is_only(text, name) for text in all_texts(self.draft.fields["messages"].value)):
                    why += " and omits its message; runner sends the message, which is empty"
                self.ledger.remark(self.entry.location, "I603", f'variable "{name}"', why)
            inputs[renamed.get(name, name)] = spec
        if inputs:
            fields = self.draft.fields
            messages = fields.pop("messages")
            self.draft.put("inputs", inputs)
            fields["messages"] = messages
        if sample:
            vars_ = {renamed.get(name, name): _stripped(value) for name, value in sample.items()}
            node = self.sample_node
            place = node.key_location if node is not None else self.entry.location
            entry = self.ledger.add("test", place, "the sample")
            for name, value in vars_.items():
                declared = inputs.get(name)
                if isinstance(declared, dict) and not _fits(value, declared.get("type")):
                    inputs[name] = {key: part for key, part in declared.items() if key != "type"}
                    self.ledger.remark(
                        place,
                        "I609",
                        f'variable "{name}"',
                        "the type of its sample differs from its declared type",
                    )
            self.draft.tests.append(CaseDraft({"id": "sample", "vars": vars_}, entry))


def _is_only(text: str, name: str) -> bool:
    return re.fullmatch(rf"\{{\{{-?\s*{re.escape(name)}\s*-?\}}\}}", text) is not None


def _stripped(value: Json) -> Json:
    """Return a sample as Prompty passes it to the template."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list):
        return [_stripped(each) for each in value]
    if isinstance(value, dict):
        return {key: _stripped(each) for key, each in value.items()}
    return value


def _fits(value: Json, kind: Json) -> bool:
    types: Mapping[str, tuple[type, ...]] = {
        "string": (str,), "number": (int, float), "integer": (int,), "boolean": (bool,), "object": (dict,), "array": (list,),
    }  # fmt: skip
    if not isinstance(kind, str):
        return True
    if isinstance(value, bool) and kind in ("number", "integer"):
        return False
    return isinstance(value, types[kind])

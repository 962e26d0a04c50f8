"""Import Prompty files of version 1 and of the plain part of version 2."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ...errors import Location, RunnerError
from ...files.formats import schema
from ...values import Json
from ..comments import Comments
from ..drafts import CaseDraft, Draft
from ..front_matter import FrontMatter, read_front_matter
from ..ledger import Entry, Ledger, RefusedSourceError
from ..literal import all_texts
from ..names import file_stem, input_name, prompt_name
from ..nodes import Node
from ..secrets import is_key_name
from ..sources import Folder
from .body import PromptyBody

__all__ = ["read_prompty"]

_REFERENCE = re.compile(r"\$\{(env|file):([^}]*)\}\Z", re.IGNORECASE)

_TYPES = {
    "string": "string", "str": "string", "text": "string", "number": "number", "float": "number", "double": "number",
    "integer": "integer", "int": "integer", "boolean": "boolean", "bool": "boolean", "object": "object", "dict": "object",
    "array": "array", "list": "array",
}  # fmt: skip
_OPTIONS = {
    "maxOutputTokens": "max_completion_tokens", "topP": "top_p", "frequencyPenalty": "frequency_penalty",
    "presencePenalty": "presence_penalty", "stopSequences": "stop", "allowMultipleToolCalls": "parallel_tool_calls",
    "reasoningEffort": "reasoning_effort", "topK": "top_k",
}  # fmt: skip
_ENDPOINT = {
    "azure_endpoint", "api_version", "endpoint", "base_url", "organization", "type", "connection", "azure_ad_token",
    "default_headers", "timeout", "max_retries", "apiVersion", "kind", "name_", "resource", "region",
}  # fmt: skip


def read_prompty(name: str, folder: Folder, ledger: Ledger) -> tuple[list[Draft], dict[str, Json]]:
    """Return the prompt file of a Prompty file. Raises RefusedSourceError, and RunnerError if a file cannot be read."""
    source = read_front_matter(name, folder, ledger)
    entry = ledger.take("prompt", source.body_location, "the body")
    draft = Draft(file_stem(name.rpartition("/")[2].removesuffix(".prompty")), entry)
    reader = _Reader(draft, ledger, folder, name.rpartition("/")[0], Comments(source.keys), entry, source)
    for key, node in source.root.entries():
        reader.key(key, node)
    reader.body()
    reader.inputs()
    return [draft], {}


@dataclass(slots=True)
class _Reader:
    """Reader of one file. Used for one import."""

    draft: Draft
    ledger: Ledger
    folder: Folder
    inside: str
    comments: Comments
    entry: Entry
    source: FrontMatter
    given: dict[str, dict[str, Json]] = field(default_factory=dict)
    threads: set[str] = field(default_factory=set)
    sample: dict[str, Json] | None = None
    sample_node: Node | None = None
    sample_lost: tuple[str, str] | None = None
    mustache: bool = False
    used: dict[str, None] = field(default_factory=dict)

    # --- front matter ---

    def key(self, key: str, node: Node) -> None:
        """Read one entry of the front matter."""
        if key == "model":
            self._model(node)
            return
        if key == "inputs":
            self._inputs(node)
            return
        if key == "tools" and isinstance(node.value, list):
            self._tools(node)
            return
        entry = self.ledger.take("key", node.key_location, f'"{key}"')
        comments = self.comments.above(node)
        if key == "name" and node.text:
            if called := prompt_name(node.text):
                self.draft.put("name", called, entry, comments)
        elif key == "description" and isinstance(node.value, str):
            if node.value.strip():
                self.draft.put("description", node.value.strip(), entry, comments)
        elif key in ("authors", "author"):
            self._texts("authors", node, entry, comments)
        elif key == "tags":
            self._texts("tags", node, entry, comments)
        elif key == "metadata" and isinstance(node.value, dict):
            for inner in ("authors", "tags"):
                if (part := node.get(inner)) is not None:
                    self._texts(inner, part, entry, comments)
        elif key == "sample":
            self._sample(node, entry)
        elif key == "template":
            self._template(node, entry)
        elif key in ("outputs", "output", "outputSchema"):
            self._outputs(node, entry)
        elif key == "base" and node.value:
            raise RefusedSourceError("I703", "it is based on another file (base)", location=node.key_location)
        elif key == "configuration" and isinstance(node.value, dict):
            self._configuration(node)
            entry.drop("I105", "each of its parts is reported")
        elif key == "parameters" and isinstance(node.value, dict):
            for inner, value in node.entries():
                self._parameter(inner, value)
        elif key in (
            "version",
            "$schema",
            "kind",
            "environment",
            "assertions",
            "additionalMetadata",
            "id",
            "displayName",
        ):
            entry.drop("I102", "it is for the program that loads the prompt")
        elif node.value in (None, "", [], {}):
            entry.drop("I106", "it is empty")
        else:
            entry.drop("I106", "Prompty does not read it")

    def _texts(self, name: str, node: Node, entry: Entry, comments: tuple[str, ...]) -> None:
        values = node.value if isinstance(node.value, list) else [node.value]
        texts = list(dict.fromkeys(each.strip() for each in values if isinstance(each, str) and each.strip()))
        if texts:
            self.draft.put(name, list(texts), None, comments)
        else:
            entry.drop("I106", "it is empty")

    def _model(self, node: Node) -> None:
        if isinstance(node.value, str):
            self.ledger.take("key", node.key_location, '"model"')
            self.draft.put("model", node.value, None, self.comments.above(node))
            return
        for key, value in node.entries():
            if key == "configuration":
                self._configuration(value)
            elif key == "parameters":
                for inner, part in value.entries():
                    self._parameter(inner, part)
            elif key == "options":
                for inner, part in value.entries():
                    self._parameter(_OPTIONS.get(inner, inner), part)
            else:
                self._of_model(key, value)

    def _of_model(self, key: str, node: Node) -> None:
        entry = self.ledger.take("key", node.key_location, f'"{key}" of the model')
        if (
            key in ("id", "name", "deployment", "azure_deployment")
            and node.text
            and not _REFERENCE.match(node.text)
        ):
            self.draft.put("model", node.text, entry, self.comments.above(node))
        elif key in ("api", "apiType"):
            if node.value not in ("chat", "agent", None):
                if node.value in ("embedding", "image", "embeddings"):
                    raise RefusedSourceError(
                        "I203", f"it is a prompt for {node.value}s, not for chat", location=node.location
                    )
                entry.lose(
                    "I203",
                    f"the {node.value} API is a different API; the request is sent over chat completions",
                )
        elif key in ("connection", "provider"):
            entry.drop("I105", "it belongs to the endpoint, in runner.yaml")
        elif key == "response":
            entry.drop("I102", "it is for the program that uses the answer")
        elif node.value in (None, "", [], {}):
            entry.drop("I106", "it is empty")
        else:
            entry.lose("I101", "runner has nothing like it")

    def _configuration(self, node: Node) -> None:
        for key, value in node.entries():
            entry = self.ledger.take("key", value.key_location, f'"{key}" of the configuration')
            if is_key_name(key):
                literal = isinstance(value.value, str) and not _REFERENCE.match(value.value)
                if literal:
                    entry.drop("I103", "a key is never copied; revoke it, and name a variable: api_key_env")
                else:
                    entry.drop(
                        "I105", "keys come from the environment: api_key_env of the endpoint in runner.yaml"
                    )
            elif key in ("azure_deployment", "name", "model", "deployment", "deployment_name") and value.text:
                if _REFERENCE.match(value.text) or value.text.startswith(("<", "${")):
                    entry.drop("I104", "Prompty reads the name of the model from the environment")
                elif "model" not in self.draft.fields:
                    self.draft.put("model", value.text, entry)
            elif key in _ENDPOINT or isinstance(value.value, str):
                entry.drop("I105", "it belongs to the endpoint, in runner.yaml")
            else:
                entry.drop("I105", "it is for the program that connects")

    def _parameter(self, key: str, node: Node) -> None:
        entry = self.ledger.take("key", node.key_location, f'"{key}" of the parameters')
        try:
            value = self._value(node)
        except _UnreadError as error:
            entry.lose(error.code, error.why)
            return
        if value is None or value == "":
            entry.drop("I106", "it is empty")
        elif key in ("stream", "stream_options"):
            entry.drop("I102", "it is an option of the run: runner run --stream")
        elif key in ("deployment_name", "model") and isinstance(value, str):
            self.draft.put("model", value, entry)
        elif key in ("additionalProperties", "extra_body") and isinstance(value, dict):
            for inner, part in value.items():
                if inner not in ("stream", "stream_options"):  # options of the run
                    self.draft.put_extra(inner, part, entry)
        elif key == "tools" and not _are_tools(value):
            entry.lose("I701", "they are not tools of chat completions")
        elif key in schema("prompt")["properties"] and key not in ("messages", "tests", "assert", "inputs"):
            self.draft.put(key, _number(value), entry, self.comments.above(node))
        else:
            self.draft.put_extra(key, value, entry)
            self.ledger.remark(
                node.key_location,
                "I608",
                f'"{key}" of the parameters',
                "only some providers know it; it is sent under extra_body",
            )

    def _value(self, node: Node) -> Json:
        """Return a value in which references to files are resolved. Raises _UnreadError for the environment."""
        value = node.value
        if isinstance(value, str):
            text = value.strip()
            found = _REFERENCE.match(text)
            if found is None:
                return text
            if found[1].lower() == "env":
                raise _UnreadError("I104", "it reads the environment")
            try:
                name = self.folder.name_of(self.inside, found[2], node.location)
                if name.endswith((".json", ".yaml", ".yml")):
                    return self.folder.document(name, node.location).value
                return self.folder.text(name, node.location)
            except RunnerError as error:
                raise _UnreadError("I302", error.message) from None
        if isinstance(value, list):
            return [self._value(item) for item in node.items()]
        if isinstance(value, dict):
            return {key: self._value(part) for key, part in node.entries()}
        return value

    def _inputs(self, node: Node) -> None:
        if isinstance(node.value, list):
            for item in node.items():
                called = item.get("name")
                if called is not None and called.text:
                    self._input(called.text, item, item.location)
        for name, value in node.entries():
            self._input(name, value, value.key_location)

    def _input(self, name: str, node: Node, place: Location) -> None:
        entry = self.ledger.take("key", place, f'input "{name}"')
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
            if kind.lower() in _TYPES:
                spec["type"] = _TYPES[kind.lower()]
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

    def _sample(self, node: Node, entry: Entry) -> None:
        self.sample_node = node
        try:
            value: Json
            if isinstance(node.value, str) and not node.value.startswith("${"):
                name = self.folder.name_of(self.inside, node.value, node.location)
                value = self.folder.document(name, node.location).value
            else:
                value = self._value(node)
        except _UnreadError as error:
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

    def _template(self, node: Node, entry: Entry) -> None:
        words = json.dumps(node.value).lower()
        if "mustache" in words:
            self.mustache = True
        elif node.text is not None and node.text not in ("jinja2", "jinja", ""):
            entry.lose("I303", f"the template format {node.text} is not known")

    def _outputs(self, node: Node, entry: Entry) -> None:
        """Read the outputs: the schema of the answer in version 2, documentation in version 1."""
        properties: dict[str, Json] = {}
        for item in node.items():
            name = item.get("name")
            kind = item.get("kind") or item.get("type")
            if name is None or not name.text:
                continue
            word = _TYPES.get(str(kind.value).lower()) if kind is not None else None
            part: dict[str, Json] = {"type": word} if word else {}
            if isinstance(item.value, dict) and isinstance(item.value.get("description"), str):
                part["description"] = item.value["description"]
            properties[name.text] = part
        if properties:
            made: Json = {
                "type": "object", "properties": properties, "required": list(properties), "additionalProperties": False,
            }  # fmt: skip
            self.draft.put(
                "response_format",
                {"type": "json_schema", "json_schema": {"name": "structured_output", "schema": made}},
                entry,
            )
        else:
            entry.drop("I106", "Prompty does not send it; declare response_format to have the answer checked")

    def _tools(self, node: Node) -> None:
        tools: list[Json] = []
        for item in node.items():
            name = item.get("name")
            entry = self.ledger.take("key", item.location, f'tool "{name.value if name else "?"}"')
            kind = item.get("kind") or item.get("type")
            if _are_tools([item.value]):
                tools.append(item.value)
            elif kind is not None and kind.value == "function" and name is not None and name.text:
                tools.append({"type": "function", "function": _function(item)})
            else:
                entry.lose(
                    "I701",
                    f"tools of the kind {kind.value if kind else '?'} are not tools of chat completions",
                )
        if tools:
            self.draft.put("tools", tools)

    # --- body ---

    def body(self) -> None:
        """Read the messages. Raises RefusedSourceError at the line of a construct that has no equivalent."""
        sample = _stripped(self.sample) if self.sample is not None else {}
        values = {name: spec["default"] for name, spec in self.given.items() if "default" in spec}
        body = PromptyBody(
            self.folder, self.inside, self.entry, self.source.body, self.source.body_location.line or 1, self.mustache, self.threads,
            {**values, **(sample if isinstance(sample, dict) else {})},
        )  # fmt: skip
        messages = body.read(self.source.body)
        self.used |= body.used
        self.given |= {name: {"type": "array", "default": []} for name in body.histories}
        self.draft.files |= body.files
        if any("{%" in each or "{#" in each for each in all_texts(messages)):
            self.draft.put("template", {"whitespace": "raw"})
        self.draft.put("messages", messages, self.entry)

    # --- inputs and the sample ---

    def inputs(self) -> None:
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
            entry = self.ledger.take("test", place, "the sample")
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


class _UnreadError(Exception):
    """A value that is outside of the file and is not read."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code
        self.why = why


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


def _number(value: Json) -> Json:
    """Return the number in a string, or the value unchanged."""
    if isinstance(value, str) and re.fullmatch(r"-?\d+(?:\.\d+)?", value):
        return float(value) if "." in value else int(value)
    return value


def _are_tools(value: Json) -> bool:
    return isinstance(value, list) and all(
        isinstance(each, dict) and each.get("type") == "function" and isinstance(each.get("function"), dict)
        for each in value
    )


def _function(item: Node) -> Json:
    value = item.value if isinstance(item.value, dict) else {}
    made: dict[str, Json] = {"name": value["name"]}
    if isinstance(value.get("description"), str):
        made["description"] = value["description"]
    parameters = value.get("parameters")
    if isinstance(parameters, list):
        properties: dict[str, Json] = {}
        required: list[Json] = []
        for each in parameters:
            if isinstance(each, dict) and isinstance(each.get("name"), str):
                part: dict[str, Json] = {
                    "type": _TYPES.get(str(each.get("kind", "string")).lower(), "string")
                }
                if isinstance(each.get("description"), str):
                    part["description"] = each["description"]
                properties[str(each["name"])] = part
                if each.get("required") is True:
                    required.append(each["name"])
        made["parameters"] = {
            "type": "object",
            "properties": properties,
            **({"required": required} if required else {}),
        }
    elif isinstance(parameters, dict):
        made["parameters"] = dict(parameters)
    if isinstance(value.get("strict"), bool):
        made["strict"] = value["strict"]
    return made

"""Import dotprompt files (Genkit): the body becomes messages, picoschema becomes JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ...values import Json
from ..comments import Comments
from ..drafts import Draft
from ..front_matter import read_front_matter
from ..handlebars.parser import parse
from ..handlebars.tree import HandlebarsError
from ..ledger import Ledger, RefusedSourceError
from ..literal import all_texts
from ..names import file_stem, prompt_name
from ..nodes import Node
from ..picoschema import PicoschemaError, from_picoschema
from ..sources import Folder
from .body import HandlebarsBody
from .names import BodyNames, Scope

__all__ = ["read_dotprompt"]

_CONFIG = {
    "temperature": "temperature", "topP": "top_p", "top_p": "top_p", "maxOutputTokens": "max_tokens", "max_tokens": "max_tokens",
    "maxTokens": "max_tokens", "stopSequences": "stop", "stop": "stop", "presencePenalty": "presence_penalty",
    "frequencyPenalty": "frequency_penalty", "seed": "seed", "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty", "max_completion_tokens": "max_completion_tokens",
}  # fmt: skip


def read_dotprompt(name: str, folder: Folder, ledger: Ledger) -> tuple[list[Draft], dict[str, Json]]:
    """Return the prompt file of a dotprompt file. Raises RefusedSourceError, and RunnerError if a file cannot be read."""
    source = read_front_matter(name, folder, ledger)
    stem = name.rpartition("/")[2].removesuffix(".prompt")
    entry = ledger.add("prompt", source.body_location, "the body")
    comments = Comments(source.keys)
    draft = Draft(file_stem(stem), entry)
    reader = _Front(draft, ledger, comments)
    for key, node in source.root.entries():
        reader.key(key, node)
    names = BodyNames(source.body_location, reader.schema, ledger)
    body = HandlebarsBody(folder, name.rpartition("/")[0], source.body_location, ledger, names)
    text = source.body.strip()
    lead = source.body[: len(source.body) - len(source.body.lstrip())].count("\n")
    try:
        body.top(parse(text), Scope(None))
        body.finish()
    except HandlebarsError as error:
        entry.location = source.in_body(lead + error.line)
        raise RefusedSourceError(
            "I303", f"its body cannot be translated: {error.message}", location=entry.location
        ) from None
    if not body.messages:
        raise RefusedSourceError("I303", "its body is empty", location=source.body_location)
    reader.inputs(body)
    if any("{%" in text for text in all_texts(body.messages)):
        draft.put("template", {"whitespace": "raw"})
    draft.put("messages", body.messages, entry)
    if "model" not in draft.fields:
        ledger.remark(
            source.root.location,
            "I602",
            "the file",
            "no model is named: give one with --model, or under model",
        )
    order = ["name", "description", "model"]
    draft.fields = {
        key: draft.fields[key]
        for key in (*order, *(key for key in draft.fields if key not in order))
        if key in draft.fields
    }
    return [draft], {}


@dataclass(slots=True)
class _Front:
    """Reader of the front matter. Used for one import."""

    draft: Draft
    ledger: Ledger
    comments: Comments
    schema: Mapping[str, Json] = field(default_factory=dict)
    defaults: Mapping[str, Json] = field(default_factory=dict)

    def key(self, key: str, node: Node) -> None:
        """Read one entry of the front matter."""
        if key == "config" and isinstance(node.value, dict):
            for inner, value in node.entries():
                self._config(inner, value)
            return
        if key == "input" and isinstance(node.value, dict):
            for inner, value in node.entries():
                self._input(inner, value)
            return
        if key == "output" and isinstance(node.value, dict):
            self._output(node)
            return
        entry = self.ledger.add("key", node.key_location, f'"{key}"')
        comments = self.comments.above(node)
        if key == "name" and node.text:
            if name := prompt_name(node.text):
                self.draft.put("name", name, entry, comments)
        elif key == "description" and isinstance(node.value, str):
            self.draft.put("description", node.value, entry, comments)
        elif key == "model" and node.text:
            self._model(node.text, node, comments)
        elif key == "model" and isinstance(node.value, dict) and isinstance(node.value.get("id"), str):
            self._model(str(node.value["id"]), node, comments)
            for inner, value in node.entries():
                if inner in _CONFIG:
                    self._config(inner, value)
        elif key == "modelName" and node.text:
            self._model(node.text, node, comments)
        elif (
            key == "tags"
            and isinstance(node.value, list)
            and all(isinstance(each, str) for each in node.value)
        ):
            self.draft.put("tags", list(dict.fromkeys(node.value)), entry, comments)
        elif key in ("author", "authors"):
            authors = node.value if isinstance(node.value, list) else [node.value]
            if authors and all(isinstance(each, str) and each for each in authors):
                self.draft.put("authors", list(authors), entry, comments)
            else:
                entry.drop("I106", "it contains no names")
        elif key == "tools" and node.value:
            entry.lose(
                "I701", "only the names of the tools are in the file; their parameters are defined in code"
            )
        elif key == "toolDefs" and isinstance(node.value, list):
            self._tools(node)
        elif key in ("variant", "version", "ext", "metadata", "category", "goal", "modelProvider", "raw"):
            entry.drop("I102", "it is for the program that loads the prompt")
        elif node.value in (None, [], {}):
            entry.drop("I106", "it is empty")
        elif key == "variables" and isinstance(node.value, list):
            self._variables(node)
        else:
            entry.drop("I106", "dotprompt passes it to the program unread")

    def _model(self, written: str, node: Node, comments: tuple[str, ...]) -> None:
        provider, _, model = written.partition("/")
        if provider in ("googleai", "vertexai", "google", "google-genai") and model:
            self.ledger.remark(
                node.key_location, "I204", f'model "{written}"',
                f"{model} needs an endpoint that supports OpenAI's chat completions",
            )  # fmt: skip
            written = model
        self.draft.put("model", written, None, comments)

    def _config(self, key: str, node: Node) -> None:
        entry = self.ledger.add("key", node.key_location, f'"{key}" of the config')
        name = _CONFIG.get(key)
        if name is not None and node.value is not None:
            self.draft.put(name, node.value, entry, self.comments.above(node))
        elif key in ("apiKey", "api_key"):
            entry.drop("I103", "a key is never copied; revoke it, and name a variable: api_key_env")
        elif key in ("version", "location", "projectId"):
            entry.drop("I105", "it belongs to the endpoint, in runner.yaml")
        else:
            self.draft.put_extra({"topK": "top_k"}.get(key, key), node.value, entry)
            self.ledger.remark(
                node.key_location,
                "I608",
                f'"{key}" of the config',
                "only some providers know it; it is sent under extra_body",
            )

    def _input(self, key: str, node: Node) -> None:
        entry = self.ledger.add("key", node.key_location, f'"{key}" of the input')
        if key == "schema":
            try:
                self.schema = from_picoschema(node.value) if node.value else {}
            except PicoschemaError as error:
                entry.lose("I702", f"{error}")
        elif key == "default" and isinstance(node.value, dict):
            self.defaults = node.value
        elif node.value in (None, {}):
            entry.drop("I106", "it is empty")
        else:
            entry.drop("I106", "dotprompt does not read it")

    def _output(self, node: Node) -> None:
        form = node.get("format")
        schema = node.get("schema")
        for key, value in node.entries():
            entry = self.ledger.add("key", value.key_location, f'"{key}" of the output')
            if key == "schema" and value.value:
                try:
                    made = from_picoschema(value.value)
                except PicoschemaError as error:
                    entry.lose("I702", f"{error}: give the schema under response_format")
                    continue
                self.draft.put(
                    "response_format",
                    {"type": "json_schema", "json_schema": {"name": "output", "schema": made}},
                    entry,
                )
            elif key == "format" and value.value in ("json", "text"):
                if value.value == "json" and not (schema and schema.value):
                    self.draft.put("response_format", {"type": "json_object"}, entry)
            elif key == "format":
                entry.lose("I101", f"there is no format {value.value!r}")
            elif key == "contentType":
                entry.drop("I106", "it repeats the format")
            else:
                entry.drop("I106", "dotprompt does not read it")
        if form is None and schema is None and not isinstance(node.value, dict):
            self.ledger.add("key", node.key_location, '"output"').drop("I106", "it is empty")

    def _tools(self, node: Node) -> None:
        tools: list[Json] = []
        for item in node.items():
            entry = self.ledger.add("key", item.location, "a tool")
            value = item.value if isinstance(item.value, dict) else {}
            if not isinstance(value.get("name"), str):
                entry.lose("I701", "the tool has no name")
                continue
            function = {
                "name": value["name"],
                "description": value.get("description", ""),
                "parameters": value.get("inputSchema") or {"type": "object"},
            }
            tools.append({"type": "function", "function": function})
        if tools:
            self.draft.put("tools", tools)

    def _variables(self, node: Node) -> None:
        """Read a list of variables with descriptions and defaults, which some files have instead of a schema."""
        properties: dict[str, Json] = {}
        defaults: dict[str, Json] = {}
        for item in node.items():
            value = item.value if isinstance(item.value, dict) else {}
            if isinstance(value.get("name"), str):
                properties[str(value["name"])] = {
                    key: part for key, part in value.items() if key == "description" and part
                }
                if "default" in value:
                    defaults[str(value["name"])] = value["default"]
        if not self.schema:
            self.schema = {"type": "object", "properties": properties, "required": list(properties)}
            self.defaults = {**defaults, **self.defaults}

    def inputs(self, body: HandlebarsBody) -> None:
        """Declare every variable of the schema and of the body, with its type and its default."""
        properties = self.schema.get("properties")
        declared = properties if isinstance(properties, dict) else {}
        required = self.schema.get("required")
        needed = required if isinstance(required, list) else []
        inputs: dict[str, Json] = {}
        for name in dict.fromkeys((*declared, *self.defaults, *body.names.used)):
            part = declared.get(name)
            spec: dict[str, Json] = dict(part) if isinstance(part, dict) else {}
            ours = (
                body.names.variable(name)
                if name not in body.names.used
                else body.names.renamed.get(name, name)
            )
            if name in self.defaults:
                spec["default"] = self.defaults[name]
            elif name in declared and name not in needed:
                spec = _optional(spec, looped=name in body.looped)
            elif name not in declared and self.schema:
                spec = {**spec, "default": [] if name in body.looped else ""}
                if name in body.names.used:
                    self.ledger.remark(
                        body.place, "I603", f'variable "{name}"',
                        "the schema does not declare it, so dotprompt renders it as nothing",
                    )  # fmt: skip
            inputs[ours] = spec
        if any(isinstance(each, dict) and each.get("name") == "history" for each in body.messages):
            inputs.setdefault("history", {"type": "array", "default": []})
        for name, ours in body.names.renamed.items():
            self.ledger.remark(body.place, "I604", f'variable "{name}"', f"its name in runner is {ours}")
        if inputs:
            self.draft.put("inputs", inputs)


def _optional(spec: dict[str, Json], *, looped: bool) -> dict[str, Json]:
    """Return the schema of an optional input, with a default that renders as nothing."""
    kind = spec.get("type")
    kinds = [each for each in kind if each != "null"] if isinstance(kind, list) else [kind]
    empty: Mapping[str, Json] = {"array": [], "object": {}, "string": ""}
    default: Json = empty.get(str(kinds[0])) if kinds else None
    if kinds == [None]:
        default = [] if looped else ""
    values = spec.get("enum")
    if isinstance(values, list):
        default = None if None in values else ""
        spec = {**spec, "enum": values if default in values else [*values, ""]}
    return {**spec, "default": default}

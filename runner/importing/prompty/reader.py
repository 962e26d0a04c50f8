"""Import Prompty files of version 1 and of the plain part of version 2."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from ...files.formats import schema
from ...values import Json
from ..comments import Comments
from ..drafts import Draft
from ..front_matter import FrontMatter, read_front_matter
from ..ledger import Entry, Ledger, RefusedSourceError
from ..literal import all_texts
from ..names import file_stem, prompt_name
from ..nodes import Node
from ..other_apis import need_api, openai_endpoint
from ..secrets import is_key_name
from ..sources import Folder
from .body import PromptyBody
from .references import REFERENCE, UnreadError, resolved
from .tools import are_tools, function_of
from .variables import JSON_TYPES, PromptyVariables

__all__ = ["read_prompty"]


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
    entry = ledger.add("prompt", source.body_location, "the body")
    draft = Draft(file_stem(name.rpartition("/")[2].removesuffix(".prompty")), entry)
    inside = name.rpartition("/")[0]
    variables = PromptyVariables(draft, ledger, folder, inside, entry)
    reader = _Reader(draft, ledger, folder, inside, Comments(source.keys), entry, source, variables)
    for key, node in source.root.entries():
        reader.key(key, node)
    reader.body()
    variables.declare()
    return [draft], openai_endpoint(reader.api) if reader.api else {}


@dataclass(slots=True)
class _Reader:
    """Reader of the front matter and the body of one file. Used for one import."""

    draft: Draft
    ledger: Ledger
    folder: Folder
    inside: str
    comments: Comments
    entry: Entry
    source: FrontMatter
    variables: PromptyVariables
    mustache: bool = False
    api: str | None = None

    # --- front matter ---

    def key(self, key: str, node: Node) -> None:
        """Read one entry of the front matter."""
        if key == "model":
            self._model(node)
            return
        if key == "inputs":
            self.variables.read_inputs(node)
            return
        if key == "tools" and isinstance(node.value, list):
            self._tools(node)
            return
        entry = self.ledger.add("key", node.key_location, f'"{key}"')
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
            self.variables.read_sample(node, entry)
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
            self.ledger.add("key", node.key_location, '"model"')
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
        entry = self.ledger.add("key", node.key_location, f'"{key}" of the model')
        if (
            key in ("id", "name", "deployment", "azure_deployment")
            and node.text
            and not REFERENCE.match(node.text)
        ):
            self.draft.put("model", node.text, entry, self.comments.above(node))
        elif key in ("api", "apiType"):
            if node.value not in ("chat", "agent", None):
                if node.value in ("embedding", "image", "embeddings"):
                    raise RefusedSourceError(
                        "I203", f"it is a prompt for {node.value}s, not for chat", location=node.location
                    )
                if node.value not in ("responses", "completion"):
                    entry.lose("I203", f"runner does not call the {node.value} API")
                    return
                self.api = "responses" if node.value == "responses" else "completions"
                need_api(self.ledger, node.key_location, entry.what, self.api)
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
            entry = self.ledger.add("key", value.key_location, f'"{key}" of the configuration')
            if is_key_name(key):
                literal = isinstance(value.value, str) and not REFERENCE.match(value.value)
                if literal:
                    entry.drop("I103", "a key is never copied; revoke it, and name a variable: api_key_env")
                else:
                    entry.drop(
                        "I105", "keys come from the environment: api_key_env of the endpoint in runner.yaml"
                    )
            elif key in ("azure_deployment", "name", "model", "deployment", "deployment_name") and value.text:
                if REFERENCE.match(value.text) or value.text.startswith(("<", "${")):
                    entry.drop("I104", "Prompty reads the name of the model from the environment")
                elif "model" not in self.draft.fields:
                    self.draft.put("model", value.text, entry)
            elif key in _ENDPOINT or isinstance(value.value, str):
                entry.drop("I105", "it belongs to the endpoint, in runner.yaml")
            else:
                entry.drop("I105", "it is for the program that connects")

    def _parameter(self, key: str, node: Node) -> None:
        entry = self.ledger.add("key", node.key_location, f'"{key}" of the parameters')
        try:
            value = resolved(node, self.folder, self.inside)
        except UnreadError as error:
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
        elif key == "tools" and not are_tools(value):
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
            word = JSON_TYPES.get(str(kind.value).lower()) if kind is not None else None
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
            entry = self.ledger.add("key", item.location, f'tool "{name.value if name else "?"}"')
            kind = item.get("kind") or item.get("type")
            if are_tools([item.value]):
                tools.append(item.value)
            elif kind is not None and kind.value == "function" and name is not None and name.text:
                tools.append({"type": "function", "function": function_of(item)})
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
        body = PromptyBody(
            self.folder, self.inside, self.entry, self.source.body, self.source.body_location.line or 1, self.mustache,
            self.variables.threads, self.variables.values(),
        )  # fmt: skip
        messages = body.read(self.source.body)
        self.variables.used |= body.used
        self.variables.given |= {name: {"type": "array", "default": []} for name in body.histories}
        self.draft.files |= body.files
        if any("{%" in each or "{#" in each for each in all_texts(messages)):
            self.draft.put("template", {"whitespace": "raw"})
        self.draft.put("messages", messages, self.entry)


def _number(value: Json) -> Json:
    """Return the number in a string, or the value unchanged."""
    if isinstance(value, str) and re.fullmatch(r"-?\d+(?:\.\d+)?", value):
        return float(value) if "." in value else int(value)
    return value

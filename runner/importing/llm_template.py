"""Import templates of Simon Willison's `llm`: `$name` is a variable, `$input` is the standard input."""

from __future__ import annotations

import re

from ..values import Json
from .comments import Comments
from .drafts import Draft
from .ledger import Ledger, RefusedSourceError
from .literal import filled
from .names import file_stem, input_name
from .nodes import root_of
from .sources import Folder

__all__ = ["read_llm_template"]

_PLACEHOLDER = re.compile(r"\$(?:(\$)|([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})")


def read_llm_template(name: str, folder: Folder, ledger: Ledger) -> tuple[list[Draft], dict[str, Json]]:
    """Return the prompt file of a template. Raises RefusedSourceError."""
    document = folder.document(name)
    root = root_of(document)
    if isinstance(root.value, str):
        root = root_of(document)
        values: dict[str, Json] = {"prompt": root.value}
    elif isinstance(root.value, dict) and {"prompt", "system"} & root.value.keys():
        values = dict(root.value)
    else:
        raise RefusedSourceError("I902", "it is not a template of llm", location=root.location)
    entry = ledger.add("prompt", root.location, "the template")
    comments = Comments()
    draft = Draft(
        file_stem(name.rpartition("/")[2].rpartition(".")[0]), entry, header=comments.header(document)
    )
    names: dict[str, str] = {}

    def variable(found: re.Match[str]) -> str | None:
        if found[1]:
            return "'$'"
        name = found[2] or found[3]
        return names.setdefault(name, input_name(name))

    defaults = values.get("defaults")
    messages: list[Json] = []
    for key, node in root.entries():
        part = ledger.add("key", node.key_location, f'"{key}"')
        if key in ("system", "prompt") and isinstance(node.value, str):
            continue
        if key == "model" and node.text:
            draft.put("model", node.text, part)
        elif key == "options" and isinstance(node.value, dict):
            for option, value in node.value.items():
                draft.put(option, value, part)
        elif key == "defaults" and isinstance(node.value, dict):
            pass
        elif key == "schema_object" and isinstance(node.value, dict):
            draft.put(
                "response_format",
                {"type": "json_schema", "json_schema": {"name": "output", "schema": node.value}},
                part,
            )
        elif key in ("extract", "extract_last"):
            part.drop("I102", "it selects the part of the answer that llm prints")
        elif key == "name":
            part.drop("I102", "the name of the prompt file is taken from the source file")
        else:
            part.lose("I101", "runner has nothing like it")
    for key, role in (("system", "system"), ("prompt", "user")):
        text = values.get(key)
        if isinstance(text, str) and text.strip():
            messages.append({"role": role, "content": filled(text, _PLACEHOLDER, variable)})
    if not isinstance(values.get("prompt"), str):
        messages.append({"role": "user", "content": "{{ input }}"})  # the standard input is the prompt
        names.setdefault("input", "input")
    given = defaults if isinstance(defaults, dict) else {}
    for key in given:
        names.setdefault(key, input_name(key))
    inputs: dict[str, Json] = {
        ours: {"default": given[key]} if key in given else {"type": "string"} for key, ours in names.items()
    }
    if inputs:
        draft.put("inputs", inputs)
    draft.put("messages", messages, entry)
    return [draft], {}

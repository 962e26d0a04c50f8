"""Import a request to OpenAI's API (JSON or a curl command) as a prompt file that sends the same request."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

from ..documents.json_reader import parse_json
from ..errors import Location, RunnerError
from ..files.formats import schema
from ..values import Json
from .drafts import Draft
from .ledger import Ledger, RefusedSourceError
from .literal import all_texts
from .names import file_stem
from .nodes import Node, root_of
from .other_apis import need_api, openai_endpoint
from .secrets import is_key_name
from .sources import Folder

__all__ = ["read_openai_request", "response_fields"]

_OF_THE_RUN = {"stream", "stream_options"}
_NOT_FIELDS = {"messages", "tests", "assert", "inputs", "name", "description", "tags", "authors", "template", "regression", "matrix", "extra_body"}  # fmt: skip
_PART = {"input_text": "text", "output_text": "text", "text": "text"}


def read_openai_request(name: str, folder: Folder, ledger: Ledger) -> tuple[list[Draft], dict[str, Json]]:
    """Return the prompt files of a request, a curl command or the lines of a batch file, and the endpoint that they need.

    Raises RefusedSourceError.
    """
    drafts = _drafts(name, folder, ledger)
    of_responses = any(remark.code == "I203" for remark in ledger.remarks)
    return drafts, openai_endpoint("responses") if of_responses else {}


def _drafts(name: str, folder: Folder, ledger: Ledger) -> list[Draft]:
    text = folder.text(name)
    shown = folder.shown_as(name)
    stem = file_stem(name.rpartition("/")[2].rpartition(".")[0])
    if re.search(r"\bcurl\s", text) and not name.lower().endswith((".json", ".jsonl")):
        return [_of_curl(text, shown, stem, folder, name, ledger)]
    if name.lower().endswith(".jsonl"):
        drafts = []
        for number, line in enumerate(text.split("\n"), 1):
            if line.strip():
                root = root_of(parse_json(line, shown, first_line=number))
                called = root.get("custom_id")
                label = file_stem(called.text) if called is not None and called.text else f"{stem}-{number}"
                drafts.append(_draft(root.get("body") or root, label, ledger))
        return drafts
    root = root_of(folder.document(name))
    return [_draft(root.get("body") or root, stem, ledger)]


def _of_curl(text: str, shown: str, stem: str, folder: Folder, name: str, ledger: Ledger) -> Draft:
    place = Location(shown, 1, 1)
    if "<<" in text:
        raise RefusedSourceError(
            "I903", "it uses a here-document: write the JSON to a separate file", location=place
        )
    try:
        words = shlex.split(text[text.index("curl") :].replace("\\\n", " "), comments=True)
    except ValueError as error:
        raise RefusedSourceError("I903", f"the command cannot be read: {error}", location=place) from None
    body: str | None = None
    given = iter(words[1:])
    for word in given:
        option, _, value = word.partition("=") if word.startswith("--") else (word, "", "")
        if option in (
            "-d",
            "--data",
            "--data-raw",
            "--data-binary",
            "--data-ascii",
            "--json",
        ) or word.startswith("-d{"):
            body = word[2:] if word.startswith("-d{") else value or next(given, "")
        elif option in ("-H", "--header", "-u", "--user"):
            _header(value or next(given, ""), place, ledger)
        elif option in ("-X", "--request", "-o", "--output", "-m", "--max-time"):
            next(given, None)
    if body is None:
        raise RefusedSourceError("I903", "the command does not send JSON (-d)", location=place)
    if body.startswith("@"):
        file = folder.name_of(name.rpartition("/")[0], body[1:], place)
        return _draft(root_of(folder.document(file, place)), stem, ledger)
    at = text.find(body[:40])
    line = text.count("\n", 0, max(at, 0)) + 1
    try:
        document = parse_json(body, shown, first_line=line)
    except RunnerError as error:
        hint = "the shell would expand variables in it: write their values" if "$" in body else None
        raise RefusedSourceError(
            "I903",
            f"the request body is not JSON: {error.message}",
            location=error.location or place,
            hint=hint,
        ) from None
    return _draft(root_of(document), stem, ledger)


def _header(text: str, place: Location, ledger: Ledger) -> None:
    name, _, value = text.partition(":")
    entry = ledger.add("key", place, f'header "{name.strip()}"')
    secret = is_key_name(name.strip()) or name.strip().lower() in ("api-key", "x-api-key")
    if secret and "$" not in value:
        entry.drop(
            "I103",
            "a key is never copied; revoke it, because it is in this file, and name a variable: api_key_env",
        )
        ledger.remark(
            place, "I103", f'header "{name.strip()}"', "the key in this file is not copied; revoke it"
        )
    else:
        entry.drop("I105", "headers and keys belong to the endpoint, in runner.yaml")


def _draft(root: Node, stem: str, ledger: Ledger) -> Draft:
    if not isinstance(root.value, dict):
        raise RefusedSourceError("I903", "a request must be an object", location=root.location)
    prompt = root.get("prompt")
    if prompt is not None and isinstance(prompt.value, dict) and "id" in prompt.value:
        raise RefusedSourceError(
            "I904", "OpenAI stores this prompt (pmpt_…), and its API cannot export prompts",
            location=prompt.location, hint="copy its messages from the dashboard to `input`",
        )  # fmt: skip
    entry = ledger.add("prompt", root.location, "the request")
    draft = Draft(stem, entry)
    if isinstance(root.value.get("messages"), list):
        _chat(root, draft, ledger)
    elif "input" in root.value or "instructions" in root.value:
        need_api(ledger, root.location, "the request", "responses")
        _responses(root, draft, ledger)
    else:
        raise RefusedSourceError("I903", "it has neither `messages` nor `input`", location=root.location)
    if any(
        "{{" in each or "{%" in each or "{#" in each for each in all_texts(draft.fields["messages"].value)
    ):
        draft.put("template", {"engine": "none"})
        draft.fields["messages"] = draft.fields.pop("messages")
    return draft


def _chat(root: Node, draft: Draft, ledger: Ledger) -> None:
    for key, node in root.entries():
        entry = draft.entry if key == "messages" else ledger.add("key", node.key_location, f'"{key}"')
        if key in _OF_THE_RUN:
            entry.drop("I102", "it is an option of the run: runner run --stream")
        elif is_key_name(key):
            entry.drop("I103", "a key is never copied; revoke it")
        elif key == "messages" or (key in schema("prompt")["properties"] and key not in _NOT_FIELDS):
            draft.put(key, node.value, entry)
        else:
            draft.put_extra(key, node.value, entry)
            ledger.remark(
                node.key_location,
                "I608",
                f'"{key}"',
                "only some providers know it; it is sent under extra_body",
            )
    draft.fields["messages"] = draft.fields.pop("messages")


def _responses(root: Node, draft: Draft, ledger: Ledger) -> None:
    messages: list[Json] = []
    instructions = root.get("instructions")
    if instructions is not None and instructions.text:
        ledger.add("key", instructions.key_location, '"instructions"')
        messages.append({"role": "system", "content": instructions.text})
    given = root.get("input")
    if given is not None and given.text:
        messages.append({"role": "user", "content": given.text})
    for item in given.items() if given is not None else ():
        part = ledger.add("message", item.location, "an item of the input")
        made = message_of(item.value)
        if made is None:
            part.lose("I203", "items of this kind have no equivalent in chat completions")
        else:
            messages.append(made)
    for key, node in root.entries():
        if key in ("input", "instructions"):
            continue
        entry = ledger.add("key", node.key_location, f'"{key}"')
        fields = response_fields(key, node.value)
        if key in _OF_THE_RUN:
            entry.drop("I102", "it is an option of the run: runner run --stream")
        elif is_key_name(key):
            entry.drop("I103", "a key is never copied; revoke it")
        elif fields is None:
            if key == "tools":
                draft.put(key, node.value, entry)
            else:
                draft.put_extra(key, node.value, entry)
            needed = "only the Responses API knows it: the endpoint in runner.yaml needs api: responses"
            ledger.remark(node.key_location, "I203", f'"{key}"', needed)
        else:
            for name, value in fields.items():
                draft.put(name, value, entry)
    draft.put("messages", messages, draft.entry)


def message_of(value: Json) -> Json | None:
    """Return an item of the Responses API or a message of an eval as a message of chat completions; None for other items."""
    if isinstance(value, dict) and value.get("type") == "function_call":
        function: Json = {"name": value.get("name"), "arguments": value.get("arguments")}
        call: Json = {"id": value.get("call_id"), "type": "function", "function": function}
        return {"role": "assistant", "tool_calls": [call]}
    if isinstance(value, dict) and value.get("type") == "function_call_output":
        return {"role": "tool", "tool_call_id": value.get("call_id"), "content": value.get("output")}
    if (
        not isinstance(value, dict)
        or value.get("type", "message") != "message"
        or not isinstance(value.get("role"), str)
    ):
        return None
    content = value.get("content")
    if isinstance(content, dict):
        content = [content]
    if isinstance(content, str):
        return {"role": value["role"], "content": content}
    if not isinstance(content, list):
        return None
    parts: list[Json] = []
    for part in content:
        if isinstance(part, str):
            parts.append({"type": "text", "text": part})
            continue
        kind = part.get("type") if isinstance(part, dict) else None
        if isinstance(part, dict) and kind in _PART:
            parts.append({"type": "text", "text": part.get("text", "")})
        elif isinstance(part, dict) and kind == "input_image" and isinstance(part.get("image_url"), str):
            image: dict[str, Json] = {"url": part["image_url"]}
            if isinstance(part.get("detail"), str):
                image["detail"] = part["detail"]
            parts.append({"type": "image_url", "image_url": image})
        else:
            return None
    first = parts[0] if len(parts) == 1 else None
    text = first.get("text") if isinstance(first, dict) and first.get("type") == "text" else None
    return {"role": value["role"], "content": text if text is not None else parts}


def response_fields(key: str, value: Json) -> Mapping[str, Json] | None:
    """Return the fields of chat completions for a field of the Responses API; None if there are none."""
    same = {
        "model", "temperature", "top_p", "metadata", "store", "user", "service_tier", "parallel_tool_calls", "safety_identifier",
        "prompt_cache_key", "top_logprobs", "seed", "max_completion_tokens", "reasoning_effort", "response_format",
    }  # fmt: skip
    if key in same:
        return {key: value}
    if key in ("max_output_tokens", "max_completions_tokens"):
        return {"max_completion_tokens": value}
    if key == "reasoning" and isinstance(value, dict):
        return {"reasoning_effort": value["effort"]} if set(value) == {"effort"} else None
    if key == "text" and isinstance(value, dict):
        made: dict[str, Json] = {}
        form = value.get("format")
        if isinstance(form, dict) and form.get("type") == "json_schema":
            inner = {name: part for name, part in form.items() if name != "type"}
            made["response_format"] = {"type": "json_schema", "json_schema": inner}
        elif isinstance(form, dict):
            made["response_format"] = dict(form)
        if "verbosity" in value:
            made["verbosity"] = value["verbosity"]
        return made if set(value) <= {"format", "verbosity"} else None
    if key == "tools" and isinstance(value, list):
        if all(isinstance(each, dict) and isinstance(each.get("function"), dict) for each in value):
            return {"tools": value}
        if not all(isinstance(each, dict) and each.get("type") == "function" for each in value):
            return None
        return {
            "tools": [
                {
                    "type": "function",
                    "function": {name: part for name, part in each.items() if name != "type"},
                }
                for each in value
                if isinstance(each, dict)
            ]
        }
    if key == "tool_choice":
        if isinstance(value, dict) and value.get("type") == "function" and "name" in value:
            return {"tool_choice": {"type": "function", "function": {"name": value["name"]}}}
        return {"tool_choice": value}
    return None

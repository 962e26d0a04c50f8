"""Recognise the prompt files of other tools, by their names if these suffice, else by their content."""

from __future__ import annotations

import json
import re
from typing import Final

__all__ = ["FOREIGN_KINDS", "foreign_hint", "foreign_kind"]

FOREIGN_KINDS: Final = {
    "github": "a prompt of GitHub Models",
    "promptfoo": "a configuration of promptfoo",
    "openai-evals": "an eval of OpenAI's Evals API",
    "openai-request": "a request to OpenAI's API",
    "prompty": "a prompt of Prompty",
    "dotprompt": "a prompt of Genkit (dotprompt)",
    "evals-registry": "an entry of the openai/evals registry",
    "llm-template": "a template of llm",
}
"""The formats that can be imported, with a description of each for messages."""

_PROMPTFOO_KEY = re.compile(r"^prompts\s*:", re.MULTILINE)
_PROMPTFOO_BESIDE = re.compile(
    r"^(?:providers|targets|tests|defaultTest|scenarios|redteam)\s*:", re.MULTILINE
)
_GITHUB_KEY = re.compile(
    r"^(?:testData|evaluators|modelParameters|responseFormat|jsonSchema)\s*:", re.MULTILINE
)
_OURS = re.compile(r"^(?:messages)\s*:", re.MULTILINE)
_REGISTRY = re.compile(r"^\s+class\s*:\s*['\"]?evals\.", re.MULTILINE)
_TOP_KEY = re.compile(r"^([A-Za-z_$][\w$.-]*)\s*:", re.MULTILINE)


def foreign_hint(name: str, text: str, shown: str) -> tuple[str, str] | None:
    """Return what a file of another tool is, and the command that imports it; None if it needs no import."""
    kind = foreign_kind(name, text)
    if kind is None or kind == "github":
        return None
    return f"{shown} is {FOREIGN_KINDS[kind]}", f"runner import {shown}"


def foreign_kind(name: str, text: str) -> str | None:
    """Return the kind of a file; None if it cannot be imported, or already has our format."""
    low = name.lower().rsplit("/", 1)[-1]
    text = text.removeprefix("\ufeff")
    if low.endswith(".prompty"):
        return "prompty"
    if low.endswith(".prompt"):
        return "dotprompt"
    if low.endswith((".sh", ".curl")) or re.match(r"\s*curl\s", text):
        return "openai-request" if re.search(r"\bcurl\s", text) else None
    if low.endswith((".json", ".jsonl")):
        return _of_json(low, text)
    if low.endswith((".yaml", ".yml")):
        return _of_yaml(low, text)
    return None


def _of_yaml(name: str, text: str) -> str | None:
    if _GITHUB_KEY.search(text) and _OURS.search(text):
        return "github"
    if _PROMPTFOO_KEY.search(text) and _PROMPTFOO_BESIDE.search(text):
        return "promptfoo"
    if name.startswith("promptfoo") and (_PROMPTFOO_KEY.search(text) or _PROMPTFOO_BESIDE.search(text)):
        return "promptfoo"
    if _REGISTRY.search(text):
        return "evals-registry"
    if _OURS.search(text) or name.endswith((".prompt.yaml", ".prompt.yml")):
        return None
    keys = set(_TOP_KEY.findall(text))
    if keys & {"prompt", "system"} and not keys - _LLM_KEYS:
        return "llm-template"
    return None


_LLM_KEYS = {
    "prompt", "system", "model", "defaults", "schema_object", "fragments", "system_fragments", "extract", "extract_last",
    "options", "name", "functions", "attachments", "attachment_types", "tools",
}  # fmt: skip


def _of_json(name: str, text: str) -> str | None:
    try:
        value = json.loads(text.split("\n", 1)[0] if name.endswith(".jsonl") else text)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, list) and value and isinstance(value[0], dict):
        value = value[0]
    if not isinstance(value, dict):
        return None
    kind = value.get("object")
    if (
        kind == "list"
        and isinstance(value.get("data"), list)
        and value["data"]
        and isinstance(value["data"][0], dict)
    ):
        kind = value["data"][0].get("object")
    if isinstance(kind, str) and kind.startswith("eval"):
        return "openai-evals"
    if "testing_criteria" in value and "data_source_config" in value:
        return "openai-evals"
    if isinstance(value.get("data_source"), dict) and "type" in value["data_source"] and "eval_id" in value:
        return "openai-evals"
    if "prompts" in value and {"providers", "targets", "tests", "defaultTest"} & value.keys():
        return "promptfoo"
    inner = value.get("body")
    body = inner if isinstance(inner, dict) else value
    if "model" in body and (isinstance(body.get("messages"), list) or "input" in body):
        return "openai-request"
    return None

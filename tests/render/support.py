"""Prompts out of a few lines of YAML, without the loader and its rules."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from runner.files.documents import parse_document
from runner.files.model import Prompt, Template
from runner.files.tree import MemoryTree, Tree
from runner.render.templates import CompiledPrompt, compile_prompt


def make_prompt(
    text: str,
    files: Mapping[str, str] | None = None,
    *,
    file: str = "p.prompt.yaml",
    tree: Tree | None = None,
) -> Prompt:
    document = parse_document(text.encode(), file)
    value: Any = document.value
    return Prompt(
        path=file,
        file=file,
        name="p",
        request={"messages": value["messages"]},
        document=document,
        tree=tree or MemoryTree({name: content.encode() for name, content in (files or {}).items()}),
        inputs=value.get("inputs"),
        template=Template(**value.get("template", {})),
    )


def compile_text(content: str, files: Mapping[str, str] | None = None, **template: str) -> CompiledPrompt:
    """A prompt with one user message."""
    text = json.dumps({"messages": [{"role": "user", "content": content}], "template": template})
    return compile_prompt(make_prompt(text, files))


def render(content: str, files: Mapping[str, str] | None = None, /, **values: Any) -> str:
    """The text of one user message."""
    rendered = compile_text(content, files).render(values)[0]["content"]
    assert isinstance(rendered, str)
    return rendered

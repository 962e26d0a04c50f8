"""Find what is legal in a prompt's templates but probably not intended."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..errors import Diagnostic, elided
from ..files.github_prompt import PLACEHOLDER
from ..files.model import Prompt
from ..values import Json, JsonPath
from .messages import template_paths

__all__ = ["remarks", "unused_inputs"]

_BRACES = re.compile(r"\{\{\s*[A-Za-z_][^{}]*\}\}|\{%")
# For engines that only replace names: a pattern for braces around anything else, and a hint.
_ODD_BRACES = {
    "simple": (re.compile(r"\{\{(?!\s*[\w.-]+\s*\}\})[^{}]*\}\}"), "`engine: jinja2` supports expressions"),
    "github": (
        re.compile(rf"(?!{PLACEHOLDER.pattern})\{{\{{[^{{}}]*\}}\}}"),
        "GitHub's format fills in only {{name}}, without spaces",
    ),
}
# What Jinja does not read as plain text: text between raw and endraw, a comment, a tag, an expression.
_BRACED = re.compile(
    r"\{%[-+]?\s*raw\s*[-+]?%\}.*?\{%[-+]?\s*endraw\b|\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL
)
_COMMENT_START = re.compile(r"\{#[-+]?[\s#]|\{#-?#\}")


def unused_inputs(prompt: Prompt, used: frozenset[str]) -> Iterator[Diagnostic]:
    """Yield W001: an input that neither a message nor an assertion uses.

    GitHub's files do not declare inputs: every column of a row is one, even a note for people.
    """
    if prompt.template.engine == "github":
        return
    for name in prompt.inputs or ():
        if name not in used:
            yield Diagnostic(
                "warning",
                "W001",
                f"input {name!r} is declared but neither a message nor an `expr` uses it",
                prompt.document.locate_key(("inputs", name)),
                f"a message contains {{{name}}}: a variable is written as {{{{ {name} }}}}"
                if _in_single_braces(name, prompt)
                else None,
            )


def _in_single_braces(name: str, prompt: Prompt) -> bool:
    """Return whether a message has `{name}`, as format strings do."""
    messages = prompt.request["messages"]
    assert isinstance(messages, list), "the loader has checked the prompt file"
    return any(f"{{{name}}}" in text for message in messages for _, text in template_paths(message))


def remarks(prompt: Prompt) -> Iterator[Diagnostic]:
    """Yield the warnings about a prompt's messages.

    W002: a block scalar ends with a newline. W003: braces that `engine: simple` does not replace. W004: braces in a
    place that is not a template. W007: a comment that may have been meant as text.
    """
    messages = prompt.request["messages"]
    assert isinstance(messages, list), "the loader has checked the prompt file"
    for index, message in enumerate(messages):
        templates = dict(template_paths(message))
        for path, text in templates.items():
            yield from _text_remarks(prompt, ("messages", index, *path), text)
        if prompt.template.engine != "none":
            for path, text in _strings(message, ()):
                if path not in templates and _BRACES.search(text):
                    yield Diagnostic(
                        "warning",
                        "W004",
                        "this is not a template, so its braces are sent unchanged",
                        prompt.locate("messages", index, *path),
                        "only the contents of messages are templates, not roles, names or ids",
                    )


def _strings(value: Json, path: JsonPath) -> Iterator[tuple[JsonPath, str]]:
    """Yield each string inside a value, with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _strings(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _strings(item, (*path, index))


def _text_remarks(prompt: Prompt, path: JsonPath, text: str) -> Iterator[Diagnostic]:
    if text.endswith("\n") and not _ends_with_tag(prompt, text):
        location = prompt.locate(*path)
        line = prompt.document.source_line(location.line or 1) or ""
        sign = line[(location.column or 1) - 1 :][:1]
        if sign in ("|", ">"):
            message = "the text ends with a newline, which is sent to the model"
            yield Diagnostic(
                "warning", "W002", message, location, f"write `{sign}-` to end it with its last word"
            )
    if prompt.template.engine == "jinja2":
        for found in _odd_comments(text):
            location = prompt.document.text_location(path, *_line_and_column(text, found.start()))
            message = f"{elided(found[0], 60)} is a Jinja comment and is not sent"
            hint = "for a comment, write a space after {#; for text, use {% raw %}...{% endraw %} or engine: simple"
            yield Diagnostic("warning", "W007", message, location, hint)
    if odd := _ODD_BRACES.get(prompt.template.engine):
        braces, hint = odd
        for found in braces.finditer(text):
            location = prompt.document.text_location(path, *_line_and_column(text, found.start()))
            message = f"{elided(found[0], 60)} is not a variable and is sent unchanged"
            yield Diagnostic("warning", "W003", message, location, hint)


def _line_and_column(text: str, offset: int) -> tuple[int, int]:
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def _odd_comments(text: str) -> Iterator[re.Match[str]]:
    r"""Yield comments that look like text: those in `\frac{#1}{#2} ... {#1 #}`, `{#each}...#}`."""
    for found in _BRACED.finditer(text):
        if found[0].startswith("{#") and not _COMMENT_START.match(found[0]):
            yield found


def _ends_with_tag(prompt: Prompt, text: str) -> bool:
    """Return whether `whitespace: trim` removes the last newline."""
    template = prompt.template
    return template.engine == "jinja2" and template.whitespace == "trim" and text.endswith(("%}\n", "#}\n"))

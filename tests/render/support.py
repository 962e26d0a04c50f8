"""Prompts out of a few lines of YAML, without the loader and its rules.

Each is compiled and rendered twice: in this process, and in one of its own with limits. What the two give must be the
same to the byte, errors with their places and hints included; so each test of rendering is one of both.
"""

from __future__ import annotations

import atexit
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from runner.documents.documents import parse_document
from runner.errors import Diagnostic, Location, Problems, RunnerError
from runner.files.disk.tree import MemoryTree, Tree
from runner.files.model import Prompt, Template
from runner.isolation.isolated_sandbox import Isolation
from runner.render import templates
from runner.render.sandbox import IN_PROCESS, Expression
from runner.render.template_sources import ResolveReference
from runner.values import Json

ISOLATION = Isolation()
atexit.register(ISOLATION.close)


@dataclass(frozen=True)
class CompiledPrompt:
    """A prompt that was compiled both ways; see templates.CompiledPrompt."""

    here: templates.CompiledPrompt
    isolated: templates.CompiledPrompt

    @property
    def variables(self) -> frozenset[str]:
        return self.here.variables

    @property
    def required(self) -> frozenset[str]:
        return self.here.required

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        return self.here.warnings

    @property
    def files(self) -> tuple[str, ...]:
        return self.here.files

    def render(
        self, values: Mapping[str, Json], *, location: Location | None = None
    ) -> list[dict[str, Json]]:
        here, isolated = (
            outcome(partial(each.render, values, location=location)) for each in (self.here, self.isolated)
        )
        assert told(isolated) == told(here)
        if isinstance(here, BaseException):
            raise here
        assert json.dumps(isolated) == json.dumps(here)  # the order of keys, 1 and 1.0 and true
        return here


def compile_prompt(prompt: Prompt, *, resolve_reference: ResolveReference | None = None) -> CompiledPrompt:
    """templates.compile_prompt, both ways."""
    here, isolated = (
        outcome(
            partial(templates.compile_prompt, prompt, resolve_reference=resolve_reference, sandbox=sandbox)
        )
        for sandbox in (IN_PROCESS, ISOLATION)
    )
    assert told(isolated) == told(here)
    if isinstance(here, BaseException):
        raise here
    for name in ("variables", "required", "warnings", "files"):
        assert getattr(isolated, name) == getattr(here, name)
    return CompiledPrompt(here, isolated)


@dataclass(frozen=True)
class CompiledExpression:
    """An expression that was compiled both ways."""

    here: Expression
    isolated: Expression

    def evaluate(self, **values: Json) -> Json:
        here, isolated = (outcome(partial(each.evaluate, **values)) for each in (self.here, self.isolated))
        assert told(isolated) == told(here)
        if isinstance(here, BaseException):
            raise here
        assert json.dumps(isolated) == json.dumps(here)
        return here  # type: ignore[no-any-return] # of JSON


def compile_expression(source: str, *, names: frozenset[str]) -> CompiledExpression:
    """Sandbox.expression, both ways."""
    here, isolated = (
        outcome(partial(sandbox.expression, source, names=names)) for sandbox in (IN_PROCESS, ISOLATION)
    )
    assert told(isolated) == told(here)
    if isinstance(here, BaseException):
        raise here
    assert isolated.reads == here.reads
    return CompiledExpression(here, isolated)


def outcome(make: Callable[[], Any]) -> Any:
    """What `make` returns, or the error that it raises."""
    try:
        return make()
    except (RunnerError, ValueError) as error:
        return error


def told(found: Any) -> list[tuple[object, ...]] | None:
    """All that a user learns of an error; None for a success."""
    if isinstance(found, ValueError):
        return [(ValueError, str(found))]
    if not isinstance(found, RunnerError):
        return None
    errors = found.errors if isinstance(found, Problems) else (found,)
    return [(type(error), error.message, error.location, error.hint) for error in errors]


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

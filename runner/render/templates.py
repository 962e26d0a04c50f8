"""Compile a prompt once, reporting all errors; render it with variables into messages any number of times."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NoReturn, Protocol

from ..errors import CaseError, Diagnostic, Location, Problems, RunnerError, TemplateError
from ..files.model import Prompt, ResolveReference
from ..values import Json, find_non_json
from .engines import compile_texts
from .history import Placeholder
from .message_words import listed, suggestion
from .messages import Message, template_paths
from .remarks import remarks
from .sandbox import IN_PROCESS, Sandbox, Texts
from .template_sources import Files, LocatedUse, Source

__all__ = ["CompiledPrompt", "ResolveReference", "compile_prompt"]


class _Entry(Protocol):
    """One entry of `messages`."""

    @property
    def uses(self) -> tuple[LocatedUse, ...]: ...

    def render(
        self, values: dict[str, Json], texts: Iterator[str], location: Callable[[], Location]
    ) -> list[dict[str, Json]]: ...


@dataclass(frozen=True, slots=True, eq=False)
class CompiledPrompt:
    """A prompt that is ready to render.

    `variables` are the names that it reads anywhere, including included files and placeholders; `required` are those
    that must have a value (the others are only read behind `is defined` or `| default`). `known` are the variables that
    a case may have: the `inputs`, or without them those that the templates and assertions read. `files` are the included
    files, as paths in the prompt's tree (files of another tree under their shown name). `tested` maps each variable
    whose value is itself a condition of a template to the first place where it is.
    """

    prompt: Prompt
    variables: frozenset[str]
    required: frozenset[str]
    known: frozenset[str]
    warnings: tuple[Diagnostic, ...]
    files: tuple[str, ...]
    tested: Mapping[str, Location]
    _entries: tuple[_Entry, ...] = field(repr=False)
    _texts: Texts = field(repr=False)

    def render(
        self,
        vars: Mapping[str, Json],  # noqa: A002 - the word of prompt files and of the command line
        *,
        location: Location | None = None,
        also_read: frozenset[str] = frozenset(),
    ) -> list[dict[str, Json]]:
        """Return the messages for these variables in wire form. Parts without templates are shared: do not modify them.

        `vars` are JSON values, and `location` is the place they come from (a case). Values are data: they are not
        rendered again and cannot add a message or change a role. `also_read` are variables that the case may have
        without `inputs` although no template reads them.

        Raises CaseError for a value that is not JSON, that the prompt does not use, or that should be a list of messages
        but is not; TemplateError at the template's line for a variable without a value and for every error while
        rendering.
        """

        def where() -> Location:
            return location or self.prompt.locate()

        values = dict(vars)
        self._check(values, location, where, also_read)
        texts = self._texts.render(values)
        return [message for entry in self._entries for message in entry.render(values, texts, where)]

    def _check(
        self,
        values: dict[str, Json],
        location: Location | None,
        where: Callable[[], Location],
        also_read: frozenset[str],
    ) -> None:
        known = self.known | also_read if self.prompt.inputs is None else self.known
        if unknown := values.keys() - known:
            name = min(unknown)
            hint = suggestion(name, known) or (
                f"its variables are {listed(known)}" if known else "it has no variables"
            )
            raise CaseError(f"the prompt has no variable {name!r}", location=where(), hint=hint)
        for name, value in values.items():
            if found := find_non_json(value):
                at = name + "".join(f"[{part!r}]" for part in found[0])
                raise CaseError(f"variable {at} is {found[1]}, which is not JSON", location=where())
        if not self.required <= values.keys():
            self._miss(self.required - values.keys(), location)

    def _miss(self, names: frozenset[str], location: Location | None) -> NoReturn:
        first = next(use for entry in self._entries for use in entry.uses if use.name in names)
        what = f"variable {listed(names)} has" if len(names) == 1 else f"variables {listed(names)} have"
        raise TemplateError(
            f"{first.source.label}: {what} no value",
            location=first.location,
            hint=f"give it in `vars`{f' at {location}' if location and location.line else ''} or with --var {first.name}=...",
        )


def compile_prompt(
    prompt: Prompt,
    *,
    resolve_reference: ResolveReference | None = None,
    sandbox: Sandbox = IN_PROCESS,
    also_read: frozenset[str] = frozenset(),
) -> CompiledPrompt:
    """Compile every template of a prompt and every file they include.

    `resolve_reference` finds `alias:name` in packs; `sandbox` runs Jinja; `also_read` are variables that the prompt may
    have without `inputs` although no template reads them. Raises TemplateError, or another FileError for an included
    file, at the author's line; Problems if there are several.
    """
    messages = prompt.request["messages"]
    assert isinstance(messages, list), "the loader has checked the prompt file"
    files = Files(prompt.tree, resolve_reference)
    sources = [
        _source(prompt, index, path, text)
        for index, message in enumerate(messages)
        for path, text in template_paths(message)
    ]
    texts = compile_texts(prompt.template, sources, files, sandbox)
    entries = tuple(_entries(prompt, messages, texts))
    uses = [use for entry in entries for use in entry.uses]
    problems = [*texts.problems, *_undeclared(prompt, uses)]
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise Problems(problems)
    variables = frozenset(use.name for use in uses)
    return CompiledPrompt(
        prompt=prompt,
        variables=variables,
        required=variables - {use.name for use in uses if use.guarded},
        warnings=tuple(remarks(prompt)),
        files=files.names,
        tested={use.name: use.location for use in reversed(uses) if use.tested},
        _entries=entries,
        _texts=texts,
        known=variables | also_read if prompt.inputs is None else frozenset(prompt.inputs),
    )


def _entries(prompt: Prompt, messages: list[Json], texts: Texts) -> Iterator[_Entry]:
    uses = iter(texts.uses)
    for index, message in enumerate(messages):
        assert isinstance(message, dict), "the loader has checked the prompt file"
        paths = tuple(path for path, _ in template_paths(message))
        if message.get("type") == "placeholder":
            source = _source(prompt, index, ("name",), "")
            yield Placeholder.of(index, message, LocatedUse(str(message["name"]), source, 1))
        else:
            yield Message(message, paths, tuple(use for _ in paths for use in next(uses)))


def _source(prompt: Prompt, index: int, path: tuple[str | int, ...], text: str) -> Source:
    place = ("messages", index, *path)

    def locate(line: int, column: int | None) -> Location:
        return prompt.document.text_location(place, line, column) if text else prompt.locate(*place)

    return Source(text, f"messages[{index}]", locate, prompt.file)


def _undeclared(prompt: Prompt, uses: Iterable[LocatedUse]) -> Iterator[RunnerError]:
    """Yield an error for each place that reads a variable that `inputs` does not declare."""
    if prompt.inputs is None:
        return
    seen: set[tuple[str, str, int]] = set()
    for use in uses:
        key = (use.name, use.source.label, use.line)
        if use.name in prompt.inputs or key in seen:
            continue
        seen.add(key)
        declared = (
            "string" if use.source.text else "array"
        )  # a placeholder has no text, only a list of messages
        hint = suggestion(use.name, prompt.inputs) or (
            f"declare it: `inputs: {{{use.name}: {{type: {declared}}}}}`"
        )
        yield TemplateError(
            f"variable {use.name!r} is not declared in `inputs`", location=use.location, hint=hint
        )

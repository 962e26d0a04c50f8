"""Render one side of a comparison: every request of a tree's prompts, one after the other."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path

from ...engine.plan.job import CaseKey, Unit
from ...engine.plan.selection import Selection
from ...engine.plan.units import make_units
from ...errors import RunnerError
from ...files.disk.tree import Tree
from ...files.model import Project, Prompt
from ...files.project import load_project_from
from ...packs.find_prompts import load_named
from ...packs.pack_set import PackSet
from ...render.sandbox import IN_PROCESS, Sandbox
from ...values import JsonObject
from ..snapshots.approved import shipped_request
from ..snapshots.snapshot import file_of

__all__ = [
    "PARTS",
    "RenderFailure",
    "RenderedRequest",
    "RenderedRevision",
    "RequestDigest",
    "loaded",
    "rendered_at",
]

PARTS = ("messages", "params", "schema")
"""The parts of a request; see runner/wire/fingerprint.py."""


@dataclass(frozen=True, slots=True)
class RequestDigest:
    """A request without its text: the prompt's name, its origin, its fingerprint and the hashes of its parts.

    `older` are the fingerprints that older versions of runner computed for it.
    """

    prompt: str
    key: CaseKey
    fingerprint: str
    parts: tuple[str, ...]
    older: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RenderedRequest:
    """One rendered request.

    `size` is the size of the encoded body in bytes, `calls` the number of answers that the prompt needs, `snapshot` the
    file of the approved answer, `shipped` the fingerprint of the request for which a pack ships an answer.
    """

    digest: RequestDigest
    size: int
    calls: int
    snapshot: str
    shipped: str | None = None


@dataclass(frozen=True, slots=True)
class RenderFailure:
    """A failure to render: of one case; without `case`, of the rest of `file`; without `file`, of everything."""

    error: RunnerError
    file: str | None = None
    case: str | None = None
    variant: str | None = None


class RenderedRevision:
    """The compiled prompts of one tree; `sandbox` is where Jinja runs. Errors are kept and yielded where they occur."""

    def __init__(
        self,
        prompts: Iterable[Prompt | RenderFailure],
        project: Project | None = None,
        sandbox: Sandbox = IN_PROCESS,
    ) -> None:
        self._compiled = [_compiled(prompt, project, sandbox) for prompt in prompts]

    @property
    def files(self) -> tuple[str, ...]:
        """Return the prompts that compile, by their place."""
        return tuple(
            entry[0].prompt.place for entry in self._compiled if not isinstance(entry, RenderFailure)
        )

    def requests(self) -> Iterator[RenderedRequest | RenderFailure]:
        """Yield every request of every case and variant, rendered one after the other."""
        for entry in self._compiled:
            if isinstance(entry, RenderFailure):
                yield entry
            else:
                for unit in entry:
                    yield from _requests_of(unit)

    def bodies(self, wanted: Set[CaseKey]) -> Iterator[tuple[CaseKey, JsonObject]]:
        """Yield the fingerprinted parts of these requests' bodies, in the order of `requests`; all must render."""
        files = {file for file, _, _ in wanted}
        for entry in self._compiled:
            if not isinstance(entry, RenderFailure):
                for unit in entry:
                    if unit.prompt.place in files:
                        yield from _bodies_of(unit, wanted)


def rendered_at(
    tree: Tree,
    root: Path,
    choose: Callable[[Project], Iterable[str]],
    *,
    environ: Mapping[str, str],
    sandbox: Sandbox = IN_PROCESS,
) -> RenderedRevision:
    """Return the side of a git revision, with the prompts that `choose` selects for its own runner.yaml."""
    try:
        project = load_project_from(tree, root, environ=environ)
    except RunnerError as error:
        return RenderedRevision((RenderFailure(error),))
    return RenderedRevision(loaded(tree, choose(project), PackSet(project, tree)), project, sandbox)


def loaded(tree: Tree, names: Iterable[str], packs: PackSet) -> Iterator[Prompt | RenderFailure]:
    """Load the prompts of these names, files of the tree or `ALIAS:NAME`, one after the other."""
    for name in names:
        try:
            yield from load_named(name, tree, packs)
        except RunnerError as error:
            yield RenderFailure(error, name)


def _compiled(
    prompt: Prompt | RenderFailure, project: Project | None, sandbox: Sandbox
) -> tuple[Unit, ...] | RenderFailure:
    if isinstance(prompt, RenderFailure):
        return prompt
    assert project is not None, "prompts come with their project"
    try:
        return make_units((prompt,), project, sandbox=sandbox)
    except RunnerError as error:
        return RenderFailure(error, prompt.place)


def _requests_of(unit: Unit) -> Iterator[RenderedRequest | RenderFailure]:
    prompt, variant = unit.prompt, unit.variant
    samples = prompt.regression.get("samples", 1)
    fixed: dict[str, str] | None = None
    cases = Selection().cases(unit)
    while True:
        try:
            case = next(cases, None)
        except RunnerError as error:
            yield RenderFailure(error, prompt.place, None, variant)
            return
        if case is None:
            return
        try:
            job = unit.job(case)
        except RunnerError as error:
            yield RenderFailure(error, prompt.place, case.id, variant)
            continue
        body = job.body
        messages = {"messages": body["messages"]}
        # Whatever is the same for all cases is hashed once.
        fixed = fixed or unit.dialect.parts({**body, "messages": []})
        hashes = {**fixed, "messages": unit.dialect.parts(messages)["messages"]}
        yield RenderedRequest(
            RequestDigest(
                prompt.name,
                job.key,
                job.fingerprint,
                tuple(hashes[name] for name in PARTS),
                tuple(job.fingerprints())[1:],
            ),
            len(job.data),
            samples if isinstance(samples, int) else 1,
            file_of(prompt, case.id, variant),
            shipped_request(prompt, case.id, variant),
        )


def _bodies_of(unit: Unit, wanted: Set[CaseKey]) -> Iterator[tuple[CaseKey, JsonObject]]:
    # A file of rows is read up to its first error, which `requests` has already reported.
    with contextlib.suppress(RunnerError):
        for case in Selection().cases(unit):
            key = (unit.prompt.place, case.id, unit.variant)
            if key in wanted:
                yield key, unit.dialect.counted(unit.body(case))

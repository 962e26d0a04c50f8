"""The plan of a run: prompts x variants x cases x samples, as a lazy stream of ready-to-send jobs.

Nothing is kept in memory per case. `preflight` walks the whole stream once before anything is sent, so that a mistake in
the last row of a data file costs nothing. The run then reads the jobs that the preflight has spooled.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from ...canonical import NotCanonicalError
from ...checks.judge import Judge
from ...errors import (
    FileError,
    FormatError,
    Location,
    NothingSelectedError,
    RunnerError,
    UsageError,
    raise_all,
)
from ...files.media import inline_media, refuse_own_urls
from ...files.model import Case, Endpoint, ModelRule, Project, Prompt
from ...files.problems import ProblemList
from ...files.project import api_for, denial_of, endpoint_for, model_at, pack_model, price_for
from ...files.violations import spell
from ...render.sandbox import IN_PROCESS, Sandbox
from ...render.templates import CompiledPrompt, compile_prompt
from ...schema import show
from ...values import Json, JsonObject
from ...wire.dialect import Dialect, UntranslatableError, dialect_of
from ...wire.fingerprint import FINGERPRINTERS, Fingerprinter
from ...wire.request import Encoder, build_body
from .shard import Shard
from .variants import Variant, variants

if TYPE_CHECKING:
    from .spool import Spool

__all__ = [
    "CaseKey",
    "Job",
    "Plan",
    "Preflight",
    "Skip",
    "Unit",
    "choices",
    "make_units",
    "refuse_denied_models",
    "variants_of",
]

MAX_PROBLEMS = 20
"""How many mistakes in cases are reported at once; the rest are counted."""


CaseKey: TypeAlias = tuple[str, str, str | None]
"""A case: the prompt (its file from the root, or `ALIAS:NAME`), the case's id, the variant."""


class Job(NamedTuple):
    """One complete request: its declared body in bytes, and its fingerprint. `sample` counts from 0.

    `place` is its place in the whole run, from 0, if the run has a plan.
    """

    unit: Unit
    case: Case
    sample: int
    data: bytes
    fingerprint: str
    place: int | None = None

    @property
    def key(self) -> CaseKey:
        """The key of the job's case."""
        return self.unit.prompt.place, self.case.id, self.unit.variant

    @property
    def body(self) -> JsonObject:
        """The request body, parsed from its bytes. Fields that all requests of the unit share are in `unit.fields`."""
        body: JsonObject = json.loads(self.data)
        return body

    def fingerprints(self) -> Iterator[str]:
        """Yield all fingerprints that a stored file may have for the request: the current one, then older versions'."""
        yield self.fingerprint
        if len(FINGERPRINTERS) > 1:
            yield from self.unit.dialect.older_fingerprints(self.body)

    @property
    def parts(self) -> dict[str, str]:
        """The digests of the request's parts."""
        return self.unit.dialect.parts(self.body)

    @property
    def estimate(self) -> float:
        """An estimate of the number of tokens that the request will use."""
        return self.unit.dialect.estimate(self.unit.fields, len(self.data))

    def sent(self, *, stream: bool, seeded: bool = False) -> bytes:
        """Return the bytes to send, in the server's dialect. `seeded`: the server repeats its answer without a new seed.

        In that case every sample but the first gets its own seed, unless the request sets one: then the samples differ,
        but are the same in each run. With several choices, a sample avoids the seeds of the sample before it.
        """
        seed = None
        if seeded and self.sample and self.unit.fields.get("seed") is None:
            seed = self.sample * choices(self.unit.fields)
        return self.unit.dialect.data(self.data, stream=stream, seed=seed)


@dataclass(frozen=True, slots=True)
class Unit:
    """One prompt in one variant, compiled once: all that its jobs share. `fields` are their bodies without messages."""

    prompt: Prompt
    template: CompiledPrompt
    judge: Judge
    variant: str | None
    overrides: Mapping[str, Json]
    model: str
    endpoint: Endpoint
    dialect: Dialect
    price: ModelRule | None
    fields: JsonObject
    fingerprints: Fingerprinter
    encoder: Encoder

    @property
    def required(self) -> frozenset[str]:
        """The required variables: inputs without a default, or, without `inputs`, those that the templates need."""
        if self.prompt.inputs is None:
            return self.template.required | self.judge.required
        return frozenset(name for name, schema in self.prompt.inputs.items() if "default" not in schema)

    def body(self, case: Case) -> dict[str, Json]:
        """Return the request body of one case: exactly the declared keys, in the author's order.

        Raises TemplateError or another FileError at the author's line.
        """
        messages = self.messages(case)
        return build_body(self.prompt.request, messages, self.prompt.extra_body, self.overrides)

    def messages(self, case: Case) -> list[dict[str, Json]]:
        """Return the messages of one case. Raises as `body` does; an error in the prompt names the case's location."""
        try:
            return self._messages(case)
        except FileError as error:
            where = str(case.location)
            named = f"{error.location} {error.hint}"
            if case.vars and case.location.line is not None and where not in named:
                error.message += f" (with the variables of {where})"
            raise

    def _messages(self, case: Case) -> list[dict[str, Json]]:
        prompt = self.prompt
        messages = self.template.render(
            case.vars, location=case.location, also_read=self.judge.variables_of(case)
        )

        declared = prompt.request["messages"]
        spliced = isinstance(declared, list) and len(messages) != len(declared)

        def location_of(message: int, part: int) -> Location:
            # With a placeholder, rendered messages do not correspond one to one to those of the file.
            return prompt.locate("messages", *(() if spliced else (message, "content", part)))

        if prompt.origin is not None:
            refuse_own_urls(messages, case.given, location_of)
        return inline_media(messages, prompt.tree, prompt.file, location_of)

    def job(self, case: Case, sample: int = 0, place: int | None = None) -> Job:
        """Return the job of one sample of one case. Raises as `body` does."""
        messages = self.messages(case)
        job = Job(self, case, sample, self.encoder.of(messages), self.fingerprints.of(messages), place)
        try:
            job.sent(stream=False)
        except UntranslatableError as error:
            raise _untranslatable(error, self.prompt, self.dialect, messages) from None
        return job


def make_units(
    prompts: Iterable[Prompt],
    project: Project,
    *,
    endpoint: str | None = None,
    fields: Mapping[str, Sequence[Json]] | None = None,
    sandbox: Sandbox = IN_PROCESS,
) -> tuple[Unit, ...]:
    """Compile each prompt once and pair it with its variants and endpoints.

    `fields` are the values chosen for request fields, e.g. {"model": ["gpt-6-luna"], "temperature": [0, 0.7]};
    `endpoint` overrides the project's choice, and the project's `packs` override the model of a pack's prompts; Jinja
    runs in `sandbox`. Raises Problems with all mistakes of all prompts, such as a denied model, or ConfigError for an
    endpoint that is not declared.
    """
    problems: list[RunnerError] = []
    units: list[Unit] = []
    for prompt in prompts:
        try:
            template, judge = _compiled(prompt, project, sandbox)
            for variant in variants_of(prompt, project, fields):
                declared = _model(prompt, variant.overrides)
                target = endpoint_for(project, declared, name=endpoint)
                model = declared or target.model
                if model is None and "model" in prompt.request:
                    model = ""  # null, which is sent as it is: the endpoint's URL determines the model
                if model is None:
                    raise UsageError(
                        f"{prompt.name} declares no model",
                        location=prompt.locate(),
                        hint=f"add `model:` to the prompt or to endpoint {target.name} in runner.yaml, or use --model",
                    )
                _refuse_denied(prompt, project, model)
                named = model
                if declared:
                    model = model_at(project, declared, target)
                    _refuse_denied(prompt, project, model)
                overrides = dict(variant.overrides)
                if model != named or "model" not in prompt.request:
                    overrides["model"] = model
                skeleton = build_body(prompt.request, [], prompt.extra_body, overrides)
                dialect = dialect_of(api_for(project, named, target, model))
                fingerprinter, encoder = _encoders(skeleton, prompt, dialect)
                units.append(
                    Unit(
                        prompt,
                        template,
                        judge,
                        variant.name,
                        overrides,
                        model,
                        target,
                        dialect,
                        price_for(project, named, model),
                        MappingProxyType(
                            {key: value for key, value in skeleton.items() if key != "messages"}
                        ),
                        fingerprinter,
                        encoder,
                    )
                )
        except RunnerError as error:
            problems.append(error)
    raise_all(problems)
    return tuple(units)


def _compiled(prompt: Prompt, project: Project, sandbox: Sandbox) -> tuple[CompiledPrompt, Judge]:
    """Compile the templates and the judge of a prompt. Raises Problems with the mistakes of both."""
    problems = ProblemList()
    judge = None
    with problems.kept():
        words = [endpoint.finish_reasons for endpoint in project.endpoints.values()]
        judge = Judge(prompt, sandbox, finish_reasons=words)
    with problems.kept():
        template = compile_prompt(
            prompt,
            resolve_reference=prompt.resolve_partial,
            sandbox=sandbox,
            also_read=judge.variables if judge else frozenset(),
        )
    problems.raise_any()
    assert judge is not None
    return template, judge


def _encoders(skeleton: JsonObject, prompt: Prompt, dialect: Dialect) -> tuple[Fingerprinter, Encoder]:
    """Return the encoders of a unit's bodies. Raises FormatError if a field cannot be sent as JSON or in the dialect."""
    try:
        encoders = dialect.fingerprints(skeleton), Encoder(skeleton)
        dialect.encode(skeleton)
    except UntranslatableError as error:
        raise _untranslatable(error, prompt, dialect, ()) from None
    except NotCanonicalError as error:
        path = error.path[1:] if error.path[:1] == ("body",) else error.path
        schema, inside = prompt.response_schema, ("response_format", "json_schema", "schema")
        if schema is not None and path[:3] == inside:
            location = schema.document.locate((*schema.at, *path[3:]))
        else:
            location = prompt.locate(*path)
        raise FormatError(f"{'.'.join(map(str, path))}: {error.reason}", location=location) from None
    return encoders


def _untranslatable(
    error: UntranslatableError, prompt: Prompt, dialect: Dialect, messages: Sequence[Json]
) -> FormatError:
    """Return the error for a key that a dialect cannot express. `messages` are the rendered ones."""
    path, declared = error.path, prompt.request["messages"]
    if path[:1] == ("messages",) and isinstance(declared, list) and len(declared) != len(messages):
        path = ("messages",)  # with a placeholder they do not correspond one to one to those of the file
    elif path and path[0] in prompt.extra_body:
        path = ("extra_body", *path)
    text = f"{spell(error.path)} cannot be sent with `api: {dialect.name}`: {error.reason}"
    hint = error.hint or "remove it, or choose another endpoint or another `api` in runner.yaml"
    return FormatError(text, location=prompt.locate(*path), hint=hint)


def _fields_for(
    prompt: Prompt, project: Project, fields: Mapping[str, Sequence[Json]] | None
) -> Mapping[str, Sequence[Json]] | None:
    """Return the chosen values of request fields; for a pack's prompt, with the model that the project sets for it."""
    model = pack_model(project, prompt.origin.alias) if prompt.origin else None
    return fields if model is None else {"model": (model,), **(fields or {})}


def variants_of(
    prompt: Prompt, project: Project, fields: Mapping[str, Sequence[Json]] | None = None
) -> list[Variant]:
    """Return the variants of a prompt with the chosen field values. Raises FormatError for two with the same name."""
    found = list(variants(prompt.matrix, _fields_for(prompt, project, fields)))
    named: dict[str | None, Variant] = {}
    for variant in found:
        other = named.setdefault(variant.name, variant)
        if other is not variant:
            at = prompt.document.locate_key(("matrix",)) if prompt.matrix else prompt.locate()
            raise FormatError(
                f"two variants of {prompt.name} have the name {variant.name}: {show(dict(other.overrides), 100)} and "
                f"{show(dict(variant.overrides), 100)}",
                location=at,
                hint="results and snapshots are stored under that name: remove one of them",
            )
    return found


def refuse_denied_models(prompt: Prompt, project: Project) -> None:
    """Raise FormatError if a prompt, in any of its variants, would use a model that the project denies."""
    for variant in variants_of(prompt, project):
        if (model := _model(prompt, variant.overrides)) is not None:
            _refuse_denied(prompt, project, model)


def _refuse_denied(prompt: Prompt, project: Project, model: str) -> None:
    denial = denial_of(project, model)
    if denial is None:
        return
    # The prompt's own model is in its file; any other was chosen elsewhere.
    own = prompt.request.get("model") == model
    if prompt.origin is not None:
        hint = f"set a model for the whole pack, packs.{prompt.origin.alias}.model, or use --model"
    else:
        hint = "choose another model; `deny: false` on an entry above makes an exception"
    raise FormatError(
        f"{prompt.name} would use {model}, which this project denies at {denial}",
        location=prompt.locate("model") if own else prompt.locate(),
        hint=hint,
    )


def _model(prompt: Prompt, overrides: Mapping[str, Json]) -> str | None:
    model = overrides.get("model", prompt.request.get("model"))
    return None if model is None else str(model)


@dataclass(frozen=True, slots=True)
class Preflight:
    """The totals of a run: the number of jobs and of records (choices).

    `starts` has the place in the whole run at which the jobs of each unit begin, and finally the end of the run; it does
    not depend on the shard. `spool` has the jobs that need not be rendered again, if a spool was given.
    """

    jobs: int
    records: int
    starts: tuple[int, ...]
    spool: Spool | None = None

    def cases_of(self, units: Sequence[Unit]) -> dict[int, int]:
        """How many cases each of the plan's units has, by its id."""
        ends = self.starts[1:]
        return {id(unit): end - start for unit, start, end in zip(units, self.starts, ends, strict=False)}


Skip = Callable[[Unit, Case, int, int], bool]
"""Called with the unit, case, sample and index of each job, in order; returns whether the job is skipped."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The units of a run and the source of their cases; `repeat` samples of each case, only those of `shard` if given."""

    units: tuple[Unit, ...]
    cases: Callable[[Unit], Iterator[Case]]
    repeat: int = 1
    shard: Shard | None = None

    def jobs(self, preflight: Preflight | None = None) -> Iterator[Job]:
        """Yield every job: unit by unit, case by case, then sample by sample; from the preflight's spool if it has one."""
        for place in range(len(self.units)):
            for job in self.first_samples(place, preflight):
                if job is not None:
                    for sample in range(self.repeat):
                        yield job._replace(sample=sample)

    def by_endpoint(
        self,
        preflight: Preflight,
        skip: Skip | None = None,
        foreign: Callable[[int], None] = lambda _: None,
    ) -> dict[str, Iterator[Job]]:
        """Return the same jobs with their places in the run, by endpoint.

        `foreign` is called with the places of the jobs of other shards.
        """
        return {
            name: self._placed(places, preflight, skip, foreign)
            for name, places in self.places_by_endpoint().items()
        }

    def places_by_endpoint(self) -> dict[str, list[int]]:
        """Return the positions of the units of each endpoint, by its name."""
        places: dict[str, list[int]] = {}
        for place, unit in enumerate(self.units):
            places.setdefault(unit.endpoint.name, []).append(place)
        return places

    def _placed(
        self,
        places: Sequence[int],
        preflight: Preflight,
        skip: Skip | None,
        foreign: Callable[[int], None],
    ) -> Iterator[Job]:
        for place in places:
            index = preflight.starts[place]
            for job in self.first_samples(place, preflight):
                if job is None:
                    for other in range(index, index + self.repeat):
                        foreign(other)
                elif skip is None and self.repeat == 1:
                    yield job
                else:
                    for sample in range(self.repeat):
                        if skip is None or not skip(job.unit, job.case, sample, index + sample):
                            yield job._replace(sample=sample, place=index + sample)
                index += self.repeat

    def first_samples(self, place: int, preflight: Preflight | None) -> Iterator[Job | None]:
        """Yield the job of the first sample of each case of the unit at `place`, or None for a case of another shard."""
        unit = self.units[place]
        if preflight is None:
            for case in self.cases(unit):
                yield unit.job(case) if self._has(unit, case) else None
            return
        index, spool = preflight.starts[place], preflight.spool
        kept = spool.kept(place) if spool else 0
        if spool:
            yield from spool.jobs(place, unit)
        if kept * self.repeat == preflight.starts[place + 1] - index:
            return
        for number, case in enumerate(self.cases(unit)):
            if number >= kept:
                yield unit.job(case, 0, index + number * self.repeat) if self._has(unit, case) else None

    def more_samples(
        self, preflight: Preflight | None, samples: Callable[[Unit], range]
    ) -> dict[str, Iterator[Job]]:
        """For each endpoint the jobs of further samples of all cases, as many as each unit needs."""
        return {
            name: self._more(places, preflight, samples)
            for name, places in self.places_by_endpoint().items()
            if any(samples(self.units[place]) for place in places)
        }

    def _more(
        self, places: Sequence[int], preflight: Preflight | None, samples: Callable[[Unit], range]
    ) -> Iterator[Job]:
        for place in places:
            wanted = samples(self.units[place])
            for job in self.first_samples(place, preflight) if wanted else ():
                if job is not None:
                    for sample in wanted:
                        yield job._replace(sample=sample, place=None)

    def _has(self, unit: Unit, case: Case) -> bool:
        return self.shard is None or self.shard.has(unit.prompt.file, case.id, unit.variant)

    def preflight(self, visit: Callable[[Job], None] | None = None, spool: Spool | None = None) -> Preflight:
        """Load, validate and render every case without sending anything; call `visit` with the job of its first sample.

        `spool` stores these jobs for `by_endpoint`. Raises Problems (all mistakes, the first twenty in full) or
        NothingSelectedError.
        """
        jobs = records = index = 0
        starts: list[int] = []
        problems: list[RunnerError] = []
        more = 0
        for unit in self.units:
            starts.append(index)
            if spool is not None:
                spool.begin()
            cases = self.cases(unit)
            while True:
                try:
                    case = next(cases, None)
                    if case is None:
                        break
                    place = index
                    index += self.repeat
                    unit.judge.prepare(case)
                    job = unit.job(case, 0, place) if self._has(unit, case) else None
                    if spool is not None:
                        spool.add(job)
                    if job is None:
                        continue
                    if visit is not None:
                        visit(job)
                except RunnerError as error:
                    if len(problems) < MAX_PROBLEMS:
                        problems.append(error)
                    else:
                        more += 1
                    continue
                jobs += self.repeat
                records += self.repeat * choices(unit.fields)
        if more:
            problems.append(UsageError(f"and {more} more mistakes in the cases"))
        raise_all(problems)
        if not index:
            raise NothingSelectedError("nothing to run: no prompt has a case")
        if spool is not None:
            spool.end()
        return Preflight(jobs, records, (*starts, index), spool)


def choices(body: JsonObject) -> int:
    """Return the number of choices that a request asks for (`n`; 1 if absent or null)."""
    n = body.get("n")
    return n if isinstance(n, int) and not isinstance(n, bool) and n > 0 else 1

"""The calls that assertions need: whom they ask, as units, and their questions, as jobs. Nothing is sent here."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from ...canonical import canonical
from ...checks.calls import CallQuestion, CallTarget
from ...checks.judge import Judge
from ...documents.documents import parse_document
from ...endpoints.prices import DeclaredPrice
from ...errors import ConfigError, FormatError, Location
from ...files.cases import case_from_vars
from ...files.disk.tree import MemoryTree
from ...files.model import Assertion, Case, Endpoint, Project, Prompt
from ...files.model_rules import endpoint_for, model_at
from ...files.moderation_categories import DEFAULT_MODEL, is_of_openai
from ...render.sandbox import Sandbox
from ...render.templates import compile_prompt
from ...values import Json, JsonObject
from ...wire.dialect import dialect_of
from ...wire.fingerprint import fingerprint_of
from ...wire.request import Encoder, encode
from .job import Job, Unit
from .judge_prompts import check_judge, identity_of, inputs_of, judge_prompt
from .model_prices import price_of, refuse_denied

__all__ = ["Asks", "judge_unit"]

_ID_LENGTH = 16


class Asks:
    """The calls that the assertions of one prompt need. Each target becomes one unit, compiled when it is first needed."""

    def __init__(self, prompt: Prompt, project: Project, sandbox: Sandbox) -> None:
        self._prompt = prompt
        self._project = project
        self._sandbox = sandbox
        self._units: dict[CallTarget, Unit] = {}
        self._places: dict[CallTarget, Location] = {}
        self._own: frozenset[CallTarget] = frozenset()

    @property
    def declared(self) -> dict[str, str]:
        """The fingerprints of the judges that the prompt itself declares, by their names; the rows of files may have more."""
        return {
            f"{unit.prompt.place} ({unit.model})": identity_of(unit, self._votes(target))
            for target, unit in self._units.items()
            if target.operation == "judge" and target in self._own
        }

    @property
    def judged_by(self) -> str | None:
        """The fingerprint of all whom the prompt's assertions ask; None if they ask nobody. Rates are counted with it."""
        asked = sorted(
            identity_of(unit, self._votes(target))
            if target.operation == "judge"
            else f"{target.operation} {unit.model} {unit.fields.get('dimensions', '')}"
            for target, unit in self._units.items()
            if target in self._own
        )
        return f"sha256:{sha256(canonical(asked)).hexdigest()[:16]}" if asked else None

    @property
    def units(self) -> tuple[Unit, ...]:
        """The units of the targets that were needed so far."""
        return tuple(self._units.values())

    @property
    def judges(self) -> tuple[tuple[Unit, Location], ...]:
        """The judges among them, each with the place of an assertion that asks it."""
        return tuple(
            (unit, self._places[target])
            for target, unit in self._units.items()
            if target.operation == "judge"
        )

    @property
    def judge_votes(self) -> tuple[tuple[Unit, int], ...]:
        """The judges among them, each with its number of votes."""
        return tuple(
            (unit, self._votes(target)) for target, unit in self._units.items() if target.operation == "judge"
        )

    def require(self, targets: Mapping[CallTarget, Assertion]) -> None:
        """Compile the targets. Raises a FileError at the assertion for one that cannot be asked."""
        for target, assertion in targets.items():
            self._asked(target, assertion)

    def require_own(self, targets: Mapping[CallTarget, Assertion]) -> None:
        """Compile the targets of the prompt itself and of its inline tests. Raises as `require` does."""
        self.require(targets)
        self._own = frozenset(targets)

    def _asked(self, target: CallTarget, assertion: Assertion | None = None) -> Unit:
        if target not in self._units:
            here = assertion or Assertion({}, self._prompt.locate())
            self._units[target] = self._unit(target, here)
            self._places[target] = here.location
        return self._units[target]

    def name(self, question: CallQuestion) -> str:
        """Return the name of the one who answers: the judge as written, or the operation."""
        return self._asked(question.target).prompt.place

    def model(self, question: CallQuestion) -> str:
        """Return the model that answers."""
        return self._asked(question.target).model

    def jobs(self, question: CallQuestion) -> tuple[Job, ...]:
        """Return the jobs of a question: the same request once, or several times for votes.

        Raises a RunnerError if it cannot be rendered, ValueError if it is not JSON.
        """
        unit, target = self._asked(question.target), question.target
        if target.operation == "judge":
            given = {name: value for name, value in question.inputs.items() if name in inputs_of(unit)}
            job = unit.job(case_from_vars(unit.prompt, given, location=Location(unit.prompt.place)))
            job = job._replace(case=job.case._replace(id=_case(job.fingerprint).id))
            return tuple(job._replace(sample=vote) for vote in range(self._votes(target)))
        body: dict[str, Json] = {**unit.fields, **question.inputs}
        fingerprint = fingerprint_of(body, unit.dialect.name)
        return (Job(unit, _case(fingerprint), 0, encode(body), fingerprint),)

    def _votes(self, target: CallTarget) -> int:
        declared = self._project.judge.get("votes")
        return target.votes or (declared if isinstance(declared, int) else 1)

    def _unit(self, target: CallTarget, assertion: Assertion) -> Unit:
        if target.operation == "judge":
            return self._judge(target, assertion)
        of_texts = target.operation == "embeddings"
        declared = self._project.similar if of_texts else self._project.moderation
        name = target.endpoint or declared.get("endpoint")
        model = target.model or declared.get("model") or (None if of_texts else DEFAULT_MODEL)
        endpoint = self._endpoint(
            model if isinstance(model, str) else None, name if isinstance(name, str) else None, assertion
        )
        model = model or endpoint.default_model
        if model is None:
            raise FormatError(
                "similar needs an embedding model",
                location=assertion.location,
                hint="say in runner.yaml which one: similar: {model: text-embedding-3-small}",
            )
        refuse_denied(self._prompt, self._project, str(model))
        asked = model_at(self._project, str(model), endpoint)
        price = price_of(self._project, str(model), asked, endpoint)
        if price is None and is_of_openai(asked):
            price = DeclaredPrice(0, 0)
        fields: dict[str, Json] = {"model": asked}
        dimensions = target.dimensions or declared.get("dimensions")
        if dimensions is not None:
            fields["dimensions"] = dimensions
        return _operation(target.operation, fields, endpoint, price, self._sandbox)

    def _judge(self, target: CallTarget, assertion: Assertion) -> Unit:
        """Return the unit of a judge: its prompt, compiled as any other."""
        prompt = judge_prompt(self._prompt, self._project, target, assertion)
        here = assertion.locate("judge") if "judge" in assertion.spec else assertion.location
        if isinstance(name := target.endpoint or self._project.judge.get("endpoint"), str):
            self._endpoint(None, name, assertion)
        unit = judge_unit(
            prompt,
            self._project,
            self._sandbox,
            model=target.model,
            endpoint=target.endpoint,
            prefers_own=target.prompt is not None,
            needed_at=here,
        )
        check_judge(unit, target, here)
        return unit

    def _endpoint(self, model: str | None, name: Any, assertion: Assertion) -> Endpoint:
        try:
            return endpoint_for(self._project, model, name=name)
        except ConfigError as error:
            raise FormatError(error.message, location=assertion.locate("endpoint"), hint=error.hint) from None


def judge_unit(
    prompt: Prompt,
    project: Project,
    sandbox: Sandbox,
    *,
    model: str | None,
    endpoint: str | None,
    prefers_own: bool,
    needed_at: Location | None = None,
) -> Unit:
    """Compile the prompt of a judge; what is None is decided by the project. `needed_at` is where it is needed.

    A judge that somebody names may have a model of its own, which then comes before the project's (`prefers_own`). Raises
    FormatError without any model or with several variants, and as `make_units` does.
    """
    from .units import make_units  # which needs this module

    declared, own = project.judge, prompt.request.get("model")
    asked = model or (own if prefers_own else None) or declared.get("model") or own
    name = endpoint or declared.get("endpoint")
    chosen = name if isinstance(name, str) else None
    at = endpoint_for(project, asked if isinstance(asked, str) else None, name=chosen)
    if asked is None and at.default_model is None:
        raise FormatError(
            f"a judge is needed, and {prompt.place} declares no model",
            location=needed_at or prompt.locate(),
            hint="say in runner.yaml who judges: judge: {model: gpt-5-2026-08-07}",
        )
    fields = {} if asked is None else {"model": [asked]}
    units = make_units((prompt,), project, endpoint=chosen, fields=fields, sandbox=sandbox)
    if len(units) > 1:
        raise FormatError(
            f"the judge {prompt.place} has {len(units)} variants",
            location=needed_at or prompt.locate(),
            hint="remove its matrix",
        )
    return units[0]


def _operation(name: str, fields: JsonObject, endpoint: Endpoint, price: Any, sandbox: Sandbox) -> Unit:
    document = parse_document(b"messages: []", name)
    request: dict[str, Json] = {**fields, "messages": []}
    prompt = Prompt(name, name, name, request, document, MemoryTree({}))
    dialect = dialect_of(name)
    return Unit(
        prompt,
        compile_prompt(prompt, sandbox=sandbox),
        Judge(prompt, sandbox),
        None,
        {},
        frozenset(),
        str(fields["model"]),
        endpoint,
        dialect,
        price,
        MappingProxyType(dict(fields)),
        dialect.fingerprints(request),
        Encoder(request),
        None,
    )


def _case(fingerprint: str) -> Case:
    name = fingerprint.rpartition(":")[2][:_ID_LENGTH]
    return Case(name, {}, Location(name))

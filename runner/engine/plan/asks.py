"""The calls that assertions need: whom they ask, as units, and their questions, as jobs. Nothing is sent here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ...checks.calls import CallQuestion, CallTarget
from ...checks.judge import Judge
from ...documents.documents import parse_document
from ...endpoints.prices import DeclaredPrice
from ...errors import ConfigError, FormatError, Location
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
from .model_prices import price_of, refuse_denied

__all__ = ["Asks"]

_ID_LENGTH = 16


class Asks:
    """The calls that the assertions of one prompt need. Each target becomes one unit, compiled when it is first needed."""

    def __init__(self, prompt: Prompt, project: Project, sandbox: Sandbox) -> None:
        self._prompt = prompt
        self._project = project
        self._sandbox = sandbox
        self._units: dict[CallTarget, Unit] = {}

    @property
    def units(self) -> tuple[Unit, ...]:
        """The units of the targets that were needed so far."""
        return tuple(self._units.values())

    def require(self, targets: Mapping[CallTarget, Assertion]) -> None:
        """Compile the targets. Raises a FileError at the assertion for one that cannot be asked."""
        for target, assertion in targets.items():
            self._asked(target, assertion)

    def _asked(self, target: CallTarget, assertion: Assertion | None = None) -> Unit:
        if target not in self._units:
            here = assertion or Assertion({}, self._prompt.locate())
            self._units[target] = self._unit(target, here)
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
        unit = self._asked(question.target)
        body: dict[str, Json] = {**unit.fields, **question.inputs}
        fingerprint = fingerprint_of(body, unit.dialect.name)
        return (Job(unit, _case(fingerprint), 0, encode(body), fingerprint),)

    def _unit(self, target: CallTarget, assertion: Assertion) -> Unit:
        """Return the unit of an operation, whose requests have no messages."""
        declared = self._project.moderation
        model = target.model or declared.get("model") or DEFAULT_MODEL
        endpoint = self._endpoint(str(model), target.endpoint or declared.get("endpoint"), assertion)
        refuse_denied(self._prompt, self._project, str(model))
        asked = model_at(self._project, str(model), endpoint)
        price = price_of(self._project, str(model), asked, endpoint)
        if price is None and is_of_openai(asked):
            price = DeclaredPrice(0, 0)
        return _operation(target.operation, {"model": asked}, endpoint, price, self._sandbox)

    def _endpoint(self, model: str | None, name: Any, assertion: Assertion) -> Endpoint:
        try:
            return endpoint_for(self._project, model, name=name)
        except ConfigError as error:
            raise FormatError(error.message, location=assertion.locate("endpoint"), hint=error.hint) from None


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
    )


def _case(fingerprint: str) -> Case:
    name = fingerprint.rpartition(":")[2][:_ID_LENGTH]
    return Case(name, {}, Location(name))

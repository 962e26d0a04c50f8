"""A job is one complete request, ready to be sent; a unit is one prompt in one variant, which its jobs share."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from ...checks.judge import Judge
from ...endpoints.prices import Price
from ...errors import FileError, FormatError, Location, RunnerError, UsageError
from ...files.inputs import MAX_COLUMNS, is_misspelt
from ...files.media import inline_media, refuse_own_urls
from ...files.model import Case, Endpoint, Prompt
from ...files.violations import spell
from ...render.templates import CompiledPrompt
from ...schema import show
from ...values import Json, JsonObject
from ...wire.dialect import BodyEncoder, Dialect, UntranslatableError
from ...wire.fingerprint import FINGERPRINTERS, Fingerprinter
from ...wire.request import Encoder, build_body

if TYPE_CHECKING:
    from .asks import Asks

__all__ = ["BYTES_PER_TOKEN", "CaseKey", "Job", "Unit", "answer_limit", "choices", "untranslatable"]

BYTES_PER_TOKEN = 4
"""Rule of thumb for estimates before anything is sent."""


CaseKey: TypeAlias = tuple[str, str, str | None]
"""A case: the prompt (its file from the root, or `ALIAS:NAME`), the case's id, the variant."""


class Job(NamedTuple):
    """One complete request: its declared body in bytes, and its fingerprint. `sample` counts from 0.

    `place` is its place in the whole run, from 0, if the run has a plan. `translated` is the body in the dialect of the
    server; None if that is the declared one, or is not known yet.
    """

    unit: Unit
    case: Case
    sample: int
    data: bytes
    fingerprint: str
    place: int | None = None
    translated: bytes | None = None

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
        if self.translated is not None and seed is None and not stream:
            return self.translated
        return self.unit.dialect.data(self.data, stream=stream, seed=seed)


@dataclass(frozen=True, slots=True)
class Unit:
    """One prompt in one variant, compiled once: all that its jobs share. `fields` are their bodies without messages.

    `chosen` are the overrides that were chosen outside the prompt, with --model or --set.
    `asks` are the calls that its assertions need; a unit that answers such a call has none.
    """

    prompt: Prompt
    template: CompiledPrompt
    judge: Judge
    variant: str | None
    overrides: Mapping[str, Json]
    chosen: frozenset[str]
    model: str
    endpoint: Endpoint
    dialect: Dialect
    price: Price | None
    fields: JsonObject
    fingerprints: Fingerprinter
    encoder: Encoder
    translator: BodyEncoder | None
    asks: Asks | None = None

    def prepare(self, case: Case) -> None:
        """Compile the assertions of a case, and whom they ask, before anything is paid for. Raises as `Judge.prepare`."""
        self.judge.prepare(case)
        if self.asks is not None:
            self.asks.require(self.judge.targets)

    @property
    def required(self) -> frozenset[str]:
        """The required variables: inputs without a default, or, without `inputs`, those that the templates need."""
        if self.prompt.inputs is None:
            return self.template.required | self.judge.required
        return frozenset(name for name, schema in self.prompt.inputs.items() if "default" not in schema)

    def carry_columns(self, case: Case) -> Case:
        """Return a row's case with only the variables that a prompt without `inputs` reads; other columns are in `row`.

        A column that looks like a misspelt variable stays one, which is an error.
        """
        known = self.template.known
        if case.row is None or self.prompt.inputs is not None or case.vars.keys() <= known:
            return case
        if len(case.vars) - len(known) > MAX_COLUMNS:
            return case
        absent = tuple(sorted(known - case.vars.keys()))
        others = {
            name: value
            for name, value in case.vars.items()
            if name not in known and not is_misspelt(name, absent)
        }
        kept = {name: value for name, value in case.vars.items() if name not in others}
        return case._replace(vars=kept, row={**others, **case.row})

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
            error.case = case.location
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

    @property
    def _chosen(self) -> dict[str, Json]:
        return {key: value for key, value in self.overrides.items() if key in self.chosen}

    def job(self, case: Case, sample: int = 0, place: int | None = None) -> Job:
        """Return the job of one sample of one case. Raises as `body` does."""
        messages = self.messages(case)
        data, fingerprint = self.encoder.of(messages), self.fingerprints.of(messages)
        translated = None
        if self.translator is not None:
            try:
                translated = self.translator.of(messages)
            except UntranslatableError as error:
                raise untranslatable(error, self.prompt, self.dialect, messages, self._chosen) from None
        return Job(self, case, sample, data, fingerprint, place, translated)


def untranslatable(
    error: UntranslatableError,
    prompt: Prompt,
    dialect: Dialect,
    messages: Sequence[Json],
    chosen: JsonObject = MappingProxyType({}),
) -> RunnerError:
    """Return the error for a key that a dialect cannot express.

    `messages` are the rendered ones; `chosen` are the fields that do not come from the prompt's file.
    """
    path, declared = error.path, prompt.request["messages"]
    what = spell(error.path) or "the request"
    text = f"{what} cannot be sent with `api: {dialect.name}`: {error.reason}"
    hint = error.hint or "remove it, or choose another endpoint or another `api` in runner.yaml"
    given = _entry_of(str(path[0]), {key: (value,) for key, value in chosen.items()}) if path else None
    if given is not None:
        flag = "--model " if given == "model" else f"--set {given}="
        return UsageError(f"{flag}{show(chosen[given], 100)}: {text}", hint=hint)
    if path[:1] == ("messages",) and isinstance(declared, list) and len(declared) != len(messages):
        path = ("messages",)  # with a placeholder they do not correspond one to one to those of the file
    elif path and path[0] in prompt.extra_body:
        path = ("extra_body", *path)
    elif path and (entry := _entry_of(str(path[0]), prompt.matrix)):
        path = ("matrix", entry)
    return FormatError(text, location=prompt.locate(*path), hint=hint)


def _entry_of(key: str, fields: Mapping[str, Sequence[Json]]) -> str | None:
    """Return the entry of a matrix, or of the chosen fields, that sets a field of the request, in `extra_body` too."""
    for entry, values in fields.items():
        inside = entry == "extra_body" and any(isinstance(each, Mapping) and key in each for each in values)
        if entry == key or inside or entry.split(".")[:2] == ["extra_body", key]:
            return entry
    return None


def choices(body: JsonObject) -> int:
    """Return the number of choices that a request asks for (`n`; 1 if absent or null)."""
    n = body.get("n")
    return n if isinstance(n, int) and not isinstance(n, bool) and n > 0 else 1


def answer_limit(body: JsonObject) -> int | None:
    """Return the most tokens that each answer may have, or None if the request sets no limit."""
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    return limit if isinstance(limit, int) and not isinstance(limit, bool) else None

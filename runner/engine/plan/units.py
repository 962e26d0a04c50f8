"""Compile prompts into units: each prompt once, for each of its variants and the endpoint and model that it uses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from ...canonical import NotCanonicalError
from ...checks.judge import Judge
from ...errors import FormatError, RunnerError, UsageError, raise_all
from ...files.model import Project, Prompt
from ...files.model_rules import api_for, endpoint_for, model_at, pack_model
from ...files.problems import ProblemList
from ...files.provider_fields import EXTRA
from ...render.sandbox import IN_PROCESS, Sandbox
from ...render.templates import CompiledPrompt, compile_prompt
from ...schema import show
from ...values import Json, JsonObject
from ...wire.dialect import BodyEncoder, Dialect, UntranslatableError, dialect_of
from ...wire.fingerprint import Fingerprinter
from ...wire.request import Encoder, build_body
from .asks import Asks
from .job import Unit, untranslatable
from .model_prices import price_of, refuse_denied
from .variants import Variant, variants

__all__ = ["make_units", "refuse_denied_models", "variants_of"]


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
            asks = Asks(prompt, project, sandbox)
            asks.require_own(judge.targets)
            for variant in variants_of(prompt, project, fields):
                declared = _model(prompt, variant.overrides)
                target = endpoint_for(project, declared, name=endpoint)
                model = declared or target.default_model
                if model is None and "model" in prompt.request:
                    model = ""  # null, which is sent as it is: the endpoint's URL determines the model
                if model is None:
                    raise UsageError(
                        f"{prompt.name} declares no model",
                        location=prompt.locate(),
                        hint=f"add `model:` to the prompt or to endpoint {target.name} in runner.yaml, or use --model",
                    )
                refuse_denied(prompt, project, model)
                named = model
                if declared:
                    model = model_at(project, declared, target)
                    refuse_denied(prompt, project, model)
                overrides = dict(variant.overrides)
                if model != named or "model" not in prompt.request:
                    overrides["model"] = model
                skeleton = build_body(prompt.request, [], prompt.extra_body, overrides)
                dialect = dialect_of(api_for(project, named, target, model))
                chosen = {key: value for key, value in variant.overrides.items() if key in (fields or {})}
                fingerprinter, encoder, translator = _encoders(skeleton, prompt, dialect, chosen)
                units.append(
                    Unit(
                        prompt,
                        template,
                        judge,
                        variant.name,
                        overrides,
                        frozenset(chosen),
                        model,
                        target,
                        dialect,
                        price_of(project, named, model, target),
                        MappingProxyType(
                            {key: value for key, value in skeleton.items() if key != "messages"}
                        ),
                        fingerprinter,
                        encoder,
                        translator,
                        asks,
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


def _encoders(
    skeleton: JsonObject, prompt: Prompt, dialect: Dialect, chosen: JsonObject
) -> tuple[Fingerprinter, Encoder, BodyEncoder | None]:
    """Return the encoders of a unit's bodies. Raises FormatError if a field cannot be sent as JSON or in the dialect."""
    try:
        encoders = dialect.fingerprints(skeleton), Encoder(skeleton), dialect.encoder(skeleton)
        dialect.encode(skeleton)
    except UntranslatableError as error:
        raise untranslatable(error, prompt, dialect, (), chosen) from None
    except NotCanonicalError as error:
        path = error.path[1:] if error.path[:1] == ("body",) else error.path
        schema, inside = prompt.response_schema, ("response_format", "json_schema", "schema")
        if schema is not None and path[:3] == inside:
            location = schema.document.locate((*schema.at, *path[3:]))
        else:
            location = prompt.locate(*path)
        raise FormatError(f"{'.'.join(map(str, path))}: {error.reason}", location=location) from None
    return encoders


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
    chosen = _fields_for(prompt, project, fields)
    _refuse_twice(prompt, chosen or {})
    found = list(variants(prompt.matrix, chosen))
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


def _refuse_twice(prompt: Prompt, chosen: Mapping[str, Sequence[Json]]) -> None:
    """Raise UsageError for a field of `extra_body` that is chosen, while a variant of another name has it, too."""
    for field in chosen:
        for entry in prompt.matrix if field.partition(".")[0] == EXTRA else ():
            both = _in_extra(field, chosen[field]) & _in_extra(entry, prompt.matrix[entry])
            if both and entry not in chosen:
                value = "{...}" if entry == EXTRA else "..."
                raise UsageError(
                    f"--set {field}: matrix.{entry} of {prompt.name} sets {min(both)}, too",
                    location=prompt.locate("matrix", entry),
                    hint=f"write it as there: --set '{entry}={value}'",
                )


def _in_extra(field: str, values: Sequence[Json]) -> set[str]:
    """Return the names of the provider's fields that the values of a request field set."""
    if field != EXTRA:
        return {field.split(".")[1]} if field.startswith(f"{EXTRA}.") else set()
    return {key for each in values if isinstance(each, Mapping) for key in each}


def refuse_denied_models(prompt: Prompt, project: Project) -> None:
    """Raise FormatError if a prompt, in any of its variants, would use a model that the project denies."""
    for variant in variants_of(prompt, project):
        if (model := _model(prompt, variant.overrides)) is not None:
            refuse_denied(prompt, project, model)


def _model(prompt: Prompt, overrides: Mapping[str, Json]) -> str | None:
    model = overrides.get("model", prompt.request.get("model"))
    return None if model is None else str(model)

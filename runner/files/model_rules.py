"""What runner.yaml says about a model: its endpoint, its name there, its wire format, its price, whether it is denied."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from ..apis import DEFAULT_API
from ..errors import ConfigError, Location
from .model import Endpoint, ModelRule, Project
from .violations import near

__all__ = [
    "api_for",
    "denial_of",
    "endpoint_for",
    "endpoint_hint",
    "listing_api",
    "model_at",
    "pack_model",
    "price_for",
]


def endpoint_for(project: Project, model: str | None, *, name: str | None = None) -> Endpoint:
    """Return the endpoint called `name` or, without a name, the one that serves `model`.

    The latter is the endpoint of the first matching entry of `models` that names one, else the default endpoint. Raises
    ConfigError for a name that is not declared.
    """
    if name is not None and name not in project.endpoints:
        raise ConfigError(f'there is no endpoint "{name}"', hint=endpoint_hint(name, project.endpoints))
    if name is not None:
        return project.endpoints[name]
    for rule in project.models:
        if model is not None and rule.endpoint is not None and fnmatchcase(model, rule.pattern):
            return project.endpoints[rule.endpoint]
    return project.endpoints[project.endpoint]


def model_at(project: Project, model: str, endpoint: Endpoint) -> str:
    """Return the name of a model at `endpoint`: that of the first matching entry of `models` that has one, else `model`.

    An entry for another endpoint does not apply.
    """
    for rule in project.models:
        here = rule.endpoint in (None, endpoint.name)
        if rule.model is not None and here and fnmatchcase(model, rule.pattern):
            before, _, after = rule.pattern.partition("*")
            return rule.model.replace("*", model[len(before) : len(model) - len(after)])
    return model


def api_for(project: Project, model: str, endpoint: Endpoint, asked: str | None = None) -> str:
    """Return the wire format for `model`, whose name at `endpoint` may be `asked`.

    This is the `api` of the first matching entry of `models` that has one and is not for another endpoint, else the
    `api` of the endpoint.
    """
    for rule in project.models:
        here = rule.endpoint in (None, endpoint.name)
        if rule.api is not None and here and _is_about(rule, model, asked):
            return rule.api
    return endpoint.api


def listing_api(project: Project, endpoint: Endpoint) -> str:
    """Return the wire format in which `endpoint` is asked for its models: its own, else that of an entry of `models`."""
    named = (rule.api for rule in project.models if rule.endpoint in (None, endpoint.name))
    return (
        next((api for api in (endpoint.api, *named) if api not in (None, DEFAULT_API)), None) or DEFAULT_API
    )


def price_for(project: Project, model: str, asked: str | None = None) -> ModelRule | None:
    """Return the first entry of `models` with a price that matches `model`, or its name at the endpoint (`asked`).

    Return None if no price is known.
    """
    for rule in project.models:
        if rule.input_price is not None and _is_about(rule, model, asked):
            return rule
    return None


def _is_about(rule: ModelRule, model: str, asked: str | None) -> bool:
    return fnmatchcase(model, rule.pattern) or (asked is not None and fnmatchcase(asked, rule.pattern))


def denial_of(project: Project, model: str) -> Location | None:
    """Return the place where runner.yaml denies a model; the first matching entry of `models` with `deny` decides."""
    for rule in project.models:
        if rule.deny is not None and fnmatchcase(model, rule.pattern):
            assert project.document is not None, "rules come from a file"
            return project.document.locate_key(("models", rule.pattern)) if rule.deny else None
    return None


def pack_model(project: Project, alias: str) -> str | None:
    """Return the model that runner.yaml sets for the prompts of a pack; None if each keeps its own."""
    entry = project.packs.get(alias)
    model = entry.get("model") if isinstance(entry, Mapping) else None
    return model if isinstance(model, str) else None


def endpoint_hint(name: str, endpoints: Mapping[str, Endpoint]) -> str:
    """Return the hint for an endpoint that is not declared: the one it resembles, or all of them."""
    return near(name, endpoints) or f"there are {', '.join(endpoints)}"

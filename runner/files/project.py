"""Load runner.yaml as a `Project`: where prompts are, and where they are sent. Without the file, use the defaults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from ..documents.documents import Document, parse_document
from ..errors import ConfigError, Diagnostic, FormatError
from ..finish_reasons import overruled, word_key
from ..patterns import PatternError, compile_pattern
from ..values import Json, JsonPath
from .addresses import (
    OPENAI_URL,
    header_fault,
    header_name_fault,
    repeated_header,
    url_fault,
    variable_fault,
)
from .disk.tree import DiskTree, Tree
from .formats import FormatName, validate
from .model import Endpoint, ModelRule, Project
from .model_rules import endpoint_hint
from .pack_sources import source_faults
from .problems import ProblemList
from .versions import reader_of, version_in

__all__ = [
    "PROJECT_FILE",
    "load_project",
    "load_project_from",
]

PROJECT_FILE = "runner.yaml"
"""The project file; its folder is the project's root."""

_LOCAL_MODEL = "smollm2-135m-instruct"

_KEYS = frozenset({"api_key_env", "api_key_keyring", "api_key_command"})
_OWN_PACK = "judges"
_ASKED = ("judge", "similar", "moderation")
"""The keys that say whom assertions ask."""

_PACK_SOURCES = ("git", "path", "url", "python")


def load_project(root: Path, *, cwd: Path | None = None, environ: Mapping[str, str]) -> Project:
    """Load the project of the folder `root`; shown paths are relative to `cwd`.

    Endpoint `openai` has its URL from `OPENAI_BASE_URL` in `environ` (unset or empty: OpenAI's own) and its key from
    `OPENAI_API_KEY` when it is used; `local` is an embedded model. Entries of the same name in the file change them
    key by key.

    Raises a FileError at the place of the mistake, or Problems with all of them; ConfigError for an `OPENAI_BASE_URL`
    that is not a base URL.
    """
    return load_project_from(DiskTree(root, cwd), root, environ=environ)


def load_project_from(tree: Tree, root: Path, *, environ: Mapping[str, str]) -> Project:
    """Load the project of a tree, such as a git revision; `root` is the place of that tree on disk.

    Raises as `load_project` does.
    """
    root = root.absolute()
    document: Document | None = None
    if tree.exists(PROJECT_FILE):
        document = parse_document(tree.read(PROJECT_FILE), tree.shown(PROJECT_FILE))
        if document.value is not None:  # an empty file marks the root and changes nothing
            version = version_in(document, "version")
            form = reader_of(
                _FORMS,
                1 if version is None else version,
                PROJECT_FILE,
                lambda: document.locate(("version",)),
            )
            validate(document, form)
    # The shape of the value was validated.
    spec = cast("Mapping[str, Any]", document.value or {} if document else {})
    problems = ProblemList()
    reader = _Reader(root, document, problems)
    endpoints = reader.endpoints(spec.get("endpoints", {}), environ)
    models = reader.models(spec.get("models", {}), endpoints)
    default = spec.get("endpoint", "openai")
    if default not in endpoints:
        reader.refuse(("endpoint",), f'there is no endpoint "{default}"', endpoint_hint(default, endpoints))
    reader.check_asked(spec, endpoints)
    reader.check_packs(spec.get("packs", {}))
    reader.check_redactions(spec.get("redact", ()))
    problems.raise_any()
    return Project(
        root=str(root),
        path=document.path if document else None,
        prompts=tuple(spec.get("prompts", ())),
        endpoint=default,
        endpoints=endpoints,
        models=models,
        prices=spec.get("prices"),
        packs=spec.get("packs", {}),
        redact=tuple(spec.get("redact", ())),
        gate=spec.get("gate"),
        judge=spec.get("judge", {}),
        similar=spec.get("similar", {}),
        moderation=spec.get("moderation", {}),
        document=document,
        warnings=tuple(_retired(spec.get("endpoints", {}), document)),
    )


def _retired(declared: Mapping[str, Mapping[str, Any]], document: Document | None) -> Iterator[Diagnostic]:
    """Yield W022 for each endpoint at GitHub Models, which was retired."""
    for name, entry in declared.items():
        host = urlsplit(str(entry.get("base_url", ""))).hostname
        if document is not None and host in _GITHUB_MODELS:
            yield Diagnostic(
                "warning",
                "W022",
                f"endpoint {name}: GitHub Models was retired on 2026-07-30; {host} no longer answers",
                document.locate(("endpoints", name, "base_url")),
                "use another server, and map names such as openai/gpt-4o to its names with `models`",
            )


_GITHUB_MODELS = ("models.github.ai", "models.inference.ai.azure.com")


_FORMS: dict[int, FormatName] = {1: "project"}
"""The schema of each version."""


class _Reader:
    """Checks what the JSON Schema of the format cannot express. An instance lives for one call."""

    def __init__(self, root: Path, document: Document | None, problems: ProblemList) -> None:
        self.root = root
        self.document = document
        self.problems = problems

    def refuse(
        self,
        at: JsonPath,
        message: str,
        hint: str | None = None,
        *,
        at_key: bool = False,
        secret: bool = False,
    ) -> None:
        assert self.document is not None, "without a file there is nothing to refuse"
        location = self.document.locate_key(at) if at_key else self.document.locate(at)
        self.problems.add(FormatError(message, location=location, hint=hint, secret=secret))

    def endpoints(
        self, declared: Mapping[str, Mapping[str, Any]], environ: Mapping[str, str]
    ) -> dict[str, Endpoint]:
        built_in: dict[str, dict[str, Any]] = {
            "openai": {
                "base_url": _openai_url(declared.get("openai", {}), environ),
                "api_key_env": "OPENAI_API_KEY",
            },
            "local": {"embedded": _LOCAL_MODEL},
        }
        endpoints: dict[str, Endpoint] = {}
        for name in built_in | dict(declared):
            own = declared.get(name, {})
            base = built_in.get(name, {})
            if (
                "embedded" in own or "base_url" in own
            ):  # another kind of endpoint, or another server with another key
                base = {}
            elif own.keys() & {
                "api_key_keyring",
                "api_key_command",
                "headers_env",
            }:  # where the key comes from instead
                base = {key: value for key, value in base.items() if key != "api_key_env"}
            if name in declared:
                self._check_endpoint(name, own, base)
            fields = base | {key: value for key, value in own.items() if not key.startswith("x-")}
            if isinstance(embedded := fields.get("embedded"), str) and embedded.endswith(".gguf"):
                fields["embedded"] = str(self.root / embedded)  # an absolute path stays what it is
            if "finish_reasons" in fields:
                fields["finish_reasons"] = self._finish_reasons(name, fields["finish_reasons"])
            location = (
                self.document.locate_key(("endpoints", name)) if name in declared and self.document else None
            )
            if "api_key_command" in fields:
                fields["api_key_command"] = tuple(fields["api_key_command"])
            others = fields.pop("in_turn", ())
            endpoint = Endpoint(name, location=location, **fields)
            endpoints[name] = replace(endpoint, in_turn=self._in_turn(endpoint, others))
        return endpoints

    def _in_turn(self, endpoint: Endpoint, declared: Sequence[Mapping[str, Any]]) -> tuple[Endpoint, ...]:
        """Return the other places of an endpoint's models: each is the endpoint with another address, key or headers."""
        places: list[Endpoint] = []
        for index, own in enumerate(declared):
            at: JsonPath = ("endpoints", endpoint.name, "in_turn", index)
            label = f"endpoints.{endpoint.name}.in_turn[{index}]"
            self._check_keys(at, label, own, {} if own.keys() & _KEYS else _key_of(endpoint))
            if "base_url" in own and (fault := url_fault(own["base_url"])):
                self.refuse((*at, "base_url"), f"{label}.base_url {fault[0]}", fault[1])
            fields: dict[str, Any] = {
                key: tuple(value) if key == "api_key_command" else value for key, value in own.items()
            }
            if own.keys() & _KEYS:
                fields = dict.fromkeys(_KEYS) | fields
            place = replace(endpoint, **fields)
            if self.document is not None:
                place = replace(place, location=self.document.locate(at))
            if any(_same_place(place, other) for other in (endpoint, *places)):
                self.refuse(at, f"{label} is the same server with the same key", "change it, or leave it out")
            places.append(place)
        return tuple(places)

    def _check_endpoint(self, name: str, own: Mapping[str, Any], base: Mapping[str, Any]) -> None:
        at: JsonPath = ("endpoints", name)
        label = f"endpoints.{name}"
        if "base_url" in own and "embedded" in own:
            self.refuse(
                (*at, "embedded"), f"{label} has both base_url and embedded", "keep one of them", at_key=True
            )
        elif not (base.keys() | own.keys()) & {"base_url", "embedded"}:
            self.refuse(at, f'{label} needs "base_url"', 'or "embedded" for a model on this machine')
        if "embedded" in own or "embedded" in base:
            for key in (*sorted(_KEYS), "headers", "headers_env", "context_tokens", "in_turn"):
                if key in own:
                    message = f"{label}: an embedded model has no {key}"
                    self.refuse((*at, key), message, "leave it out", at_key=True)
        if "base_url" in own and (fault := url_fault(own["base_url"])):
            self.refuse((*at, "base_url"), f"{label}.base_url {fault[0]}", fault[1])
        self._check_keys(at, label, own, base)

    def _check_keys(self, at: JsonPath, label: str, own: Mapping[str, Any], base: Mapping[str, Any]) -> None:
        first, *more = [key for key in own if key in _KEYS] or [""]
        for other in more:
            self.refuse(
                (*at, other), f"{label} has both {first} and {other}", "keep one of them", at_key=True
            )
        for index, word in enumerate(own.get("api_key_command", ())):
            if fault := variable_fault(word):
                place = f"{label}.api_key_command[{index}]"
                self.refuse((*at, "api_key_command", index), f"{place} {fault[0]}", fault[1], secret=True)
        self._check_headers(at, label, own, has_key=bool((base.keys() | own.keys()) & _KEYS))

    def _check_headers(self, at: JsonPath, label: str, own: Mapping[str, Any], *, has_key: bool) -> None:
        for key in ("api_key_env", "api_key_keyring"):
            if key in own and (fault := variable_fault(own[key])):
                self.refuse((*at, key), f"{label}.{key} {fault[0]}", fault[1], secret=True)
        declared, variables = own.get("headers", {}), own.get("headers_env", {})
        for header, value in declared.items():
            if fault := header_fault(header, value):
                self.refuse(
                    (*at, "headers", header), f"{label}.headers.{header} {fault[0]}", fault[1], at_key=True
                )
        for header, variable in variables.items():
            place = f"{label}.headers_env.{header}"
            if fault := variable_fault(variable):
                self.refuse((*at, "headers_env", header), f"{place} {fault[0]}", fault[1], secret=True)
            if fault := header_name_fault(header):
                self.refuse((*at, "headers_env", header), f"{place} {fault[0]}", fault[1], at_key=True)
            if header.lower() == "authorization" and has_key:
                message, hint = f"{place} is also the header of the API key", "leave one of them out"
                self.refuse((*at, "headers_env", header), message, hint, at_key=True)
        if (twice := repeated_header(declared, variables)) is not None:
            key = "headers_env" if twice in variables else "headers"
            self.refuse(
                (*at, key, twice), f"{label} has the header {twice} twice", "keep one of them", at_key=True
            )

    def _finish_reasons(self, name: str, declared: Mapping[str, str]) -> dict[str, str]:
        """Return the declared meanings of an endpoint's finish_reasons, by the keys under which they are looked up."""
        meanings: dict[str, str] = {}
        for word, meaning in declared.items():
            at: JsonPath = ("endpoints", name, "finish_reasons", word)
            label = f"endpoints.{name}.finish_reasons.{word}"
            key = word_key(word)
            if known := overruled(word, meaning):
                hint = "leave it out: only words unknown to runner need a declaration"
                self.refuse(at, f"{label} cannot be {meaning}: the word means that {known}", hint)
            elif meanings.get(key, meaning) != meaning:
                message = (
                    f"{label}: the same word is declared as {meanings[key]} above (case does not matter)"
                )
                self.refuse(at, message, "keep one of them", at_key=True)
            meanings[key] = meaning
        return meanings

    def models(
        self, declared: Mapping[str, Mapping[str, Any]], endpoints: Mapping[str, Endpoint]
    ) -> tuple[ModelRule, ...]:
        rules: list[ModelRule] = []
        for pattern, entry in declared.items():
            name = entry.get("endpoint")
            if name is not None and name not in endpoints:
                self.refuse(
                    ("models", pattern, "endpoint"),
                    f'there is no endpoint "{name}"',
                    endpoint_hint(name, endpoints),
                )
            price = entry.get("price", {})
            rules.append(
                ModelRule(
                    pattern,
                    name,
                    price.get("input"),
                    price.get("cached"),
                    price.get("output"),
                    entry.get("deny"),
                    entry.get("api"),
                    self._model(pattern, entry.get("model")),
                    price.get("cache_write"),
                    price.get("cache_write_1h"),
                    price.get("batch"),
                )
            )
        return tuple(rules)

    def _model(self, pattern: str, model: str | None) -> str | None:
        if model is not None and "*" in model and (pattern.count("*") != 1 or set("?[") & set(pattern)):
            message = (
                f"the * in model stands for the * of the pattern, but {pattern} does not have exactly one *"
            )
            self.refuse(("models", pattern, "model"), message, "write the whole name")
        return model

    def check_asked(self, spec: Mapping[str, Any], endpoints: Mapping[str, Endpoint]) -> None:
        for key in _ASKED:
            name = spec.get(key, {}).get("endpoint")
            if name is not None and name not in endpoints:
                hint = endpoint_hint(name, endpoints)
                self.refuse((key, "endpoint"), f'there is no endpoint "{name}"', hint)

    def check_packs(self, packs: Mapping[str, Mapping[str, Any]]) -> None:
        for alias, pack in packs.items():
            at: JsonPath = ("packs", alias)
            if alias == _OWN_PACK:
                self.refuse(
                    at, f"{alias} is the pack that ships with runner", "choose another alias", at_key=True
                )
            sources = [key for key in _PACK_SOURCES if key in pack]
            if len(sources) != 1:
                came = f"not {' and '.join(sources)}" if sources else "and has none"
                self.refuse(
                    at, f"packs.{alias} needs one source, {came}", f"one of {', '.join(_PACK_SOURCES)}"
                )
                continue
            needed = {"git": "rev", "url": "sha256"}.get(sources[0])
            if needed and needed not in pack:
                self.refuse(at, f'packs.{alias} needs "{needed}" beside "{sources[0]}"')
            for key, owner in (("rev", "git"), ("subdirectory", "git"), ("sha256", "url")):
                if key in pack and owner != sources[0]:
                    self.refuse(
                        (*at, key),
                        f"packs.{alias}.{key} belongs to {owner}, not to {sources[0]}",
                        at_key=True,
                    )
            for key, message, hint in source_faults(pack):
                self.refuse((*at, key), f"packs.{alias}.{key} {message}", hint)

    def check_redactions(self, rules: tuple[Mapping[str, Json], ...]) -> None:
        for index, rule in enumerate(rules):
            if isinstance(pattern := rule.get("regex"), str):
                try:
                    compile_pattern(pattern)
                except PatternError as error:
                    self.refuse(
                        ("redact", index, "regex"),
                        f"redact[{index}].regex is not a regular expression: {error}",
                    )
            elif "path" not in rule:
                self.refuse(("redact", index), f'redact[{index}] needs "path" or "regex"')


def _key_of(endpoint: Endpoint) -> dict[str, Any]:
    """Return the keys of an endpoint's declaration that say where its API key comes from."""
    return {key: value for key in sorted(_KEYS) if (value := getattr(endpoint, key)) is not None}


def _same_place(place: Endpoint, other: Endpoint) -> bool:
    return replace(place, location=None, in_turn=()) == replace(other, location=None, in_turn=())


def _openai_url(declared: Mapping[str, Any], environ: Mapping[str, str]) -> str:
    url = environ.get("OPENAI_BASE_URL") or OPENAI_URL
    fault = url_fault(url)
    if fault and "base_url" not in declared:
        raise ConfigError(f"OPENAI_BASE_URL {fault[0]}", hint=fault[1])
    return url

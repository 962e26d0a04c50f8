"""What a prompt file, a case and a project file say, once loaded: frozen, typed, with their positions.

Nothing here is rendered, sent or judged yet; the loaders beside this module build these values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from ..apis import DEFAULT_API
from ..documents.documents import Document
from ..errors import Diagnostic, Location
from ..finish_reasons import Declared
from ..values import Json, JsonPath
from .tree import Tree

__all__ = [
    "Assertion",
    "Case",
    "CaseFile",
    "Endpoint",
    "Expectation",
    "ModelRule",
    "Origin",
    "Project",
    "Prompt",
    "ResolveReference",
    "ResponseSchema",
    "Template",
]

Expectation = Literal[
    "ok", "refused", "truncated", "filtered", "empty", "unparsable", "invalid", "tool_call", "error"
]


@dataclass(frozen=True, slots=True)
class Assertion:
    """One `assert` entry as its author wrote it, e.g. {"type": "equals", "path": "$.label", "value": "refund"}.

    `place` finds where a part of it stands, or with True the last key of its path; without `place`, `location` is all
    that is known.

    An `evaluator` is one of GitHub's: each `{{name}}` in its `value` is the case's variable, and white space around the
    text of the answer does not count. `unjudged` says why nothing that is known here can decide it.
    """

    spec: Mapping[str, Json]
    location: Location
    place: Callable[[JsonPath, bool], Location] | None = field(default=None, compare=False, repr=False)
    evaluator: bool = False
    unjudged: str | None = None

    def locate(self, *path: str | int, at_key: bool = False) -> Location:
        """Where the part of the entry at `path` stands, or with `at_key` its key."""
        return self.place(path, at_key) if self.place is not None and path else self.location


class Case(NamedTuple):
    """One set of variables to run a prompt with.

    `vars` are the declared ones, with the defaults of `inputs` filled in and already valid against `inputs`.
    `outcome` is the outcome the author expects ("ok" unless the case says otherwise). `digest` is what an id of our
    making was made from: the SHA-256, in hex, of the variables as given; None where the author named the case.
    `defaulted` names the variables that nobody gave, which have their defaults.
    """

    id: str
    vars: Mapping[str, Json]
    location: Location
    asserts: tuple[Assertion, ...] = ()
    outcome: Expectation | None = None
    tags: tuple[str, ...] = ()
    description: str | None = None
    digest: str | None = None
    defaulted: tuple[str, ...] = ()

    @property
    def given(self) -> dict[str, Json]:
        """The variables that somebody gave."""
        return {name: value for name, value in self.vars.items() if name not in self.defaulted}


@dataclass(frozen=True, slots=True)
class CaseFile:
    """A `tests: - file:` entry or an `--input`: rows are read lazily, one case a row.

    `path` is relative to the tree's root, or an absolute native path (an `--input` may lie anywhere, and is read as
    a stream); `shown` is how messages call it. `delimiter` separates the cells of CSV and `encoding` is that of the
    text, unless it shows; `id_column` is the column (or key) that names each case.
    """

    path: str
    shown: str
    location: Location
    delimiter: str | None = None
    encoding: str | None = None
    id_column: str | None = None


@dataclass(frozen=True, slots=True)
class Template:
    """How message contents are rendered: `simple` knows `{{ name }}` only, `none` nothing; `raw` is stock Jinja's whitespace.

    `github` is that of GitHub's prompt files, which knows `{{name}}`.
    """

    engine: Literal["jinja2", "simple", "none", "github"] = "jinja2"
    whitespace: Literal["trim", "raw"] = "trim"


@dataclass(frozen=True, slots=True)
class ResponseSchema:
    """The JSON Schema of `response_format`, and where it stands: inside the prompt or in a file of its own.

    `at` is the path of the schema inside `document` (`()` in a file of its own), so that a finding at path p of
    the schema stands at `document.locate((*at, *p))`.
    """

    name: str
    strict: bool
    schema: Json
    document: Document
    at: JsonPath


ResolveReference: TypeAlias = Callable[[str, Location], tuple[Tree, str]]
"""Where `ALIAS:NAME` leads: the pack's tree and the file in it. Raises a FileError at the location given."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Which pack a prompt comes from: the alias it has here, the name it is exported under, its own name in the pack."""

    alias: str
    export: str
    name: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt file.

    `request` holds the wire fields under their wire names in the author's order, `schema_file` already replaced by
    the schema it names; its `messages` are still templates and may hold `{type: placeholder}` entries.
    `inputs` maps each declared variable to its JSON Schema (None: undeclared, variables are inferred).
    `file` is its name in `tree`, the project's or (`origin`) that of a pack; `resolve_partial` finds what its
    templates name `ALIAS:NAME`.
    """

    path: str
    file: str
    name: str
    request: Mapping[str, Json]
    document: Document
    tree: Tree
    description: str | None = None
    tags: tuple[str, ...] = ()
    inputs: Mapping[str, Mapping[str, Json]] | None = None
    template: Template = Template()
    response_schema: ResponseSchema | None = None
    asserts: tuple[Assertion, ...] = ()
    tests: tuple[Case | CaseFile, ...] = ()
    regression: Mapping[str, Json] = field(default_factory=dict)
    matrix: Mapping[str, tuple[Json, ...]] = field(default_factory=dict)
    extra_body: Mapping[str, Json] = field(default_factory=dict)
    warnings: tuple[Diagnostic, ...] = ()
    origin: Origin | None = None
    resolve_partial: ResolveReference | None = field(default=None, repr=False, compare=False)

    @property
    def place(self) -> str:
        """What no two prompts of a project share: the file from its root; for a pack's prompt `ALIAS:NAME`."""
        return self.file if self.origin is None else f"{self.origin.alias}:{self.origin.export}"

    def locate(self, *path: str | int) -> Location:
        """Where the value at `path` stands in this prompt's file."""
        return self.document.locate(path)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One entry of `endpoints` in runner.yaml: where to ask, never the key itself.

    `api_key_env` names the key's variable, or `api_key_keyring` (SERVICE/USER) its place in the system's keyring;
    `headers_env` names the variables that hold the values of headers.
    `timeout` is the total deadline of one case in seconds, retries included; `rpm` and `tpm` are requests and
    tokens per minute. `finish_reasons` says what words of this server mean, by their `word_key`. `api` is the wire format
    that it is asked in.
    """

    name: str
    base_url: str | None = None
    api_key_env: str | None = None
    embedded: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    model: str | None = None
    rpm: int | None = None
    tpm: int | None = None
    concurrency: int | Literal["adaptive"] | None = None
    timeout: float = 600.0
    max_retries: int = 4
    location: Location | None = None
    api_key_keyring: str | None = None
    headers_env: Mapping[str, str] = field(default_factory=dict)
    finish_reasons: Mapping[str, Declared] = field(default_factory=dict)
    api: str = DEFAULT_API


@dataclass(frozen=True, slots=True)
class ModelRule:
    """One entry of `models` in runner.yaml: for model names that match the glob, an endpoint, a wire format and a price.

    Prices are US dollars per million tokens. `deny` says that nobody may ask these models; False that they may be,
    whatever a later entry says. `model` is what the endpoint calls them; its `*` stands for what that of the glob matched.
    """

    pattern: str
    endpoint: str | None = None
    input_price: float | None = None
    cached_price: float | None = None
    output_price: float | None = None
    deny: bool | None = None
    api: str | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Project:
    """runner.yaml, or the defaults where there is none. `root` is an absolute native path."""

    root: str
    path: str | None = None
    prompts: tuple[str, ...] = ()
    endpoint: str = "openai"
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    models: tuple[ModelRule, ...] = ()
    packs: Mapping[str, Json] = field(default_factory=dict)
    redact: tuple[Json, ...] = ()
    document: Document | None = None
    warnings: tuple[Diagnostic, ...] = ()

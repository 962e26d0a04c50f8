"""The loaded form of prompt files, cases and project files: frozen, typed, with their positions.

Nothing here is rendered, sent or judged yet; the loaders in this package build these values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Literal, NamedTuple, TypeAlias

from ..apis import DEFAULT_API
from ..documents.documents import Document
from ..errors import Diagnostic, Location
from ..finish_reasons import Declared
from ..values import Json, JsonPath
from .disk.tree import Tree

__all__ = [
    "AnswerTarget",
    "Assertion",
    "Case",
    "CaseFile",
    "Endpoint",
    "Expectation",
    "Expected",
    "ModelRule",
    "Origin",
    "Project",
    "Prompt",
    "ResolveReference",
    "ResponseSchema",
    "TargetKind",
    "Template",
]

Expectation = Literal[
    "ok", "refused", "truncated", "filtered", "empty", "unparsable", "invalid", "tool_call", "error"
]


@dataclass(frozen=True, slots=True)
class Assertion:
    """One `assert` entry as its author wrote it, e.g. {"type": "equals", "path": "$.label", "value": "refund"}.

    `place` finds the place of a part of it or, with True, of the last key of the part's path; without `place`, only
    `location` is known.

    An `evaluator` is one of GitHub's: each `{{name}}` in its `value` is a variable of the case, and white space around
    the text of the answer is ignored. `unjudged` says why it cannot be decided here.
    """

    spec: Mapping[str, Json]
    location: Location
    place: Callable[[JsonPath, bool], Location] | None = field(default=None, compare=False, repr=False)
    evaluator: bool = False
    unjudged: str | None = None

    def locate(self, *path: str | int, at_key: bool = False) -> Location:
        """Return the place of the part of the entry at `path` or, with `at_key`, of its key."""
        return self.place(path, at_key) if self.place is not None and path else self.location


TargetKind: TypeAlias = Literal["labels", "numbers", "sets"]

Expected: TypeAlias = tuple[Json, tuple[str, int | None, int | None]]
"""The right value of a case as it is written (text of a cell is not read yet), and its place."""


@dataclass(frozen=True, slots=True)
class AnswerTarget:
    """A part of the answers whose right value is known for each case: a label, a number or a set.

    `path` is the part as a JSONPath (None: the whole output, or the text). `column` of a row contains the right value.
    `within` is how far a number may be from it: ("abs", 0.5) or ("rel", 0.01). `separator` separates items in a cell.
    """

    kind: TargetKind
    location: Location
    path: str | None = None
    column: str | None = None
    within: tuple[str, float] | None = None
    separator: str | None = None


class Case(NamedTuple):
    """One set of variables to run a prompt with.

    `vars` are the declared variables, with the defaults of `inputs` filled in, already valid against `inputs`.
    `outcome` is the outcome that the author expects (default: "ok"). `digest` is the source of a generated id: the
    SHA-256, in hex, of the variables as given; None if the author named the case. `must_pass` says that a gate
    does not decide about this case. `defaulted` names the variables that
    were not given and have their defaults. `row` has the columns of a row that are not variables; None for a case that
    is not a row. `expected` has the right value for each of the prompt's targets, by kind. `threshold` is the score that is
    enough to pass. `group` names the cases that it belongs to.
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
    must_pass: bool = False
    row: Mapping[str, Json] | None = None
    expected: Mapping[str, Expected] | None = None
    threshold: float | None = None
    group: str | None = None

    @property
    def given(self) -> dict[str, Json]:
        """The variables that were given, without the defaults."""
        return {name: value for name, value in self.vars.items() if name not in self.defaulted}


@dataclass(frozen=True, slots=True)
class CaseFile:
    """A `tests: - file:` entry or an `--input`: rows are read lazily, one case per row.

    `path` is relative to the tree's root, or an absolute native path (an `--input` may be anywhere, and is read as a
    stream); `shown` is its name in messages. `delimiter` separates the cells of CSV and `encoding` decodes the text,
    unless they can be detected; `id_column` is the column (or key) that names each case, `group_column` the one that names
    its group.
    """

    path: str
    shown: str
    location: Location
    delimiter: str | None = None
    encoding: str | None = None
    id_column: str | None = None
    group_column: str | None = None


@dataclass(frozen=True, slots=True)
class Template:
    """How message contents are rendered: `simple` supports only `{{ name }}`, `none` nothing; `raw` is Jinja's own whitespace.

    `github` is the engine of GitHub's prompt files, which supports `{{name}}`.
    """

    engine: Literal["jinja2", "simple", "none", "github"] = "jinja2"
    whitespace: Literal["trim", "raw"] = "trim"


@dataclass(frozen=True, slots=True)
class ResponseSchema:
    """The JSON Schema of `response_format`, and its place: inside the prompt or in a separate file.

    `at` is the path of the schema inside `document` (`()` in a separate file), so that a finding at path p of
    the schema is located at `document.locate((*at, *p))`.
    """

    name: str
    strict: bool
    schema: Json
    document: Document
    at: JsonPath


ResolveReference: TypeAlias = Callable[[str, Location], tuple[Tree, str]]
"""Resolve `ALIAS:NAME` to the pack's tree and the file in it. Raises a FileError at the given location."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The pack that a prompt comes from: the pack's alias here, the name of the export, the prompt's own name."""

    alias: str
    export: str
    name: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt file.

    `request` has the wire fields under their wire names in the author's order, with `schema_file` already replaced by
    the schema it names; its `messages` are still templates and may contain `{type: placeholder}` entries.
    `inputs` maps each declared variable to its JSON Schema (None: undeclared, variables are inferred).
    `file` is its name in `tree`, the tree of the project or (with `origin`) of a pack; `resolve_partial` resolves the
    `ALIAS:NAME` references of its templates.
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
    targets: tuple[AnswerTarget, ...] = ()
    regression: Mapping[str, Json] = field(default_factory=dict)
    matrix: Mapping[str, tuple[Json, ...]] = field(default_factory=dict)
    extra_body: Mapping[str, Json] = field(default_factory=dict)
    warnings: tuple[Diagnostic, ...] = ()
    origin: Origin | None = None
    resolve_partial: ResolveReference | None = field(default=None, repr=False, compare=False)

    @property
    def place(self) -> str:
        """The unique name of the prompt in its project: the file from the root, or `ALIAS:NAME` for a pack's prompt."""
        return self.file if self.origin is None else f"{self.origin.alias}:{self.origin.export}"

    def locate(self, *path: str | int) -> Location:
        """Return the place of the value at `path` in this prompt's file."""
        return self.document.locate(path)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One entry of `endpoints` in runner.yaml: where to send requests, but never the key itself.

    `api_key_env` names the variable of the key, or `api_key_keyring` (SERVICE/USER) its entry in the system's keyring;
    `api_key_command` is a program with its arguments that prints the key. `in_turn` has the same models with other keys or
    on other servers, each as an endpoint.
    `headers_env` names the variables that contain the values of headers.
    `timeout` is the total deadline of one case in seconds, including retries; `rpm` and `tpm` are requests and tokens
    per minute. `finish_reasons` gives the meanings of this server's words, by `word_key`. `api` is the wire format of
    its requests. `context_tokens` is the most that a prompt and its answer can have together.
    """

    name: str
    base_url: str | None = None
    api_key_env: str | None = None
    embedded: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    model: str | None = None
    rpm: float | None = None
    tpm: float | None = None
    concurrency: int | Literal["adaptive"] | None = None
    timeout: float = 600.0
    max_retries: int = 4
    location: Location | None = None
    api_key_keyring: str | None = None
    headers_env: Mapping[str, str] = field(default_factory=dict)
    finish_reasons: Mapping[str, Declared] = field(default_factory=dict)
    api: str = DEFAULT_API
    context_tokens: int | None = None
    api_key_command: tuple[str, ...] | None = None
    in_turn: tuple[Endpoint, ...] = ()

    @property
    def default_model(self) -> str | None:
        """The model of a prompt that declares none: `model`, else the name of the embedded model, which answers anyway."""
        if self.model is None and self.embedded is not None:
            return PurePath(self.embedded).stem
        return self.model


@dataclass(frozen=True, slots=True)
class ModelRule:
    """One entry of `models` in runner.yaml: an endpoint, a wire format and a price for the model names that match a glob.

    Prices are US dollars per million tokens; `batch_price` is the part of them that a batch costs (0.5: half). `deny` blocks these models; False allows them, whatever a later entry says.
    `model` is the endpoint's name for them; its `*` is replaced by what the `*` of the glob matched.
    """

    pattern: str
    endpoint: str | None = None
    input_price: float | None = None
    cached_price: float | None = None
    output_price: float | None = None
    deny: bool | None = None
    api: str | None = None
    model: str | None = None
    cache_write_price: float | None = None
    cache_write_1h_price: float | None = None
    batch_price: float | None = None


@dataclass(frozen=True, slots=True)
class Project:
    """runner.yaml, or the defaults if there is none. `root` is an absolute native path.

    `judge` says who judges answers (prompt, model, endpoint, votes); `similar` and `moderation` have the model and
    the endpoint of assertions of these types.
    """

    root: str
    path: str | None = None
    prompts: tuple[str, ...] = ()
    endpoint: str = "openai"
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    models: tuple[ModelRule, ...] = ()
    prices: Literal["genai"] | None = None
    packs: Mapping[str, Json] = field(default_factory=dict)
    redact: tuple[Json, ...] = ()
    gate: Json = None
    judge: Mapping[str, Json] = field(default_factory=dict)
    similar: Mapping[str, Json] = field(default_factory=dict)
    moderation: Mapping[str, str] = field(default_factory=dict)
    document: Document | None = None
    warnings: tuple[Diagnostic, ...] = ()

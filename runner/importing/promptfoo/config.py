"""Read the settings of a promptfoo configuration that apply to all of its tests: top-level keys and `defaultTest`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ...errors import RunnerError
from ...values import Json
from ..comments import Comments
from ..ledger import Entry, Ledger
from ..nodes import Node, root_of
from ..sources import Folder
from .cases import SourceTest
from .judged import NOBODY, JudgeSettings
from .providers import Provider, is_named
from .source_assertions import SourceAssertion, read_assertions
from .transforms import Transform, read_transform

__all__ = [
    "REQUEST_OPTIONS",
    "CompleteTest",
    "Config",
    "Threshold",
    "read_defaults",
    "read_threshold",
    "read_top_level",
]

_OWN_SETTINGS = {
    "$schema", "commandLineOptions", "outputPath", "sharing", "writeLatestResults", "metadata", "tags", "env", "envFile",
}  # fmt: skip


_LOST_KEYS = {
    "redteam": "runner does not generate attacks",
    "extensions": "code is not run",
    "nunjucksFilters": "filters written in code are not run",
    "derivedMetrics": "scores are not computed; every assertion must hold",
}


_KNOWN_ELSEWHERE = {
    "prompts",
    "providers",
    "targets",
    "tests",
    "scenarios",
    "defaultTest",
    "assertionTemplates",
}


REQUEST_OPTIONS = {
    "temperature", "max_tokens", "max_completion_tokens", "top_p", "response_format", "seed", "stop", "tools", "tool_choice",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Threshold:
    """The part of the assertions of a test that has to hold, by weight, with its item."""

    entry: Entry
    value: float


@dataclass(slots=True)
class Config:
    """The content of one configuration. Used for one import."""

    root: Node
    folder: Folder
    base: str
    ledger: Ledger
    comments: Comments
    description: str | None = None
    samples: int | None = None
    default_vars: dict[str, Node] = field(default_factory=dict)
    default_asserts: list[SourceAssertion] = field(default_factory=list)
    default_options: dict[str, Node] = field(default_factory=dict)
    default_base: str = ""
    default_threshold: Threshold | None = None
    judge: JudgeSettings = NOBODY
    default_providers: tuple[str, ...] | None = None
    prefix: str = ""
    suffix: str = ""
    transform: Transform | None = None
    tests: list[CompleteTest] = field(default_factory=list)
    stored: set[str] = field(default_factory=set)
    declared_tests: bool = False


@dataclass(slots=True)
class CompleteTest:
    """A test with everything that the defaults, its scenario and its options add to it."""

    source: SourceTest
    asserts: list[SourceAssertion]
    description: str | None
    tags: list[str]
    vars: dict[str, Node]
    bases: dict[str, str]
    prompts: tuple[str, ...] | None
    cases: list[dict[str, Json]] | None
    own_defaults: bool
    transform: Transform | None
    stores: str | None = None
    providers: tuple[str, ...] | None = None
    threshold: Threshold | None = None
    judge: JudgeSettings = NOBODY
    provider: Provider | None = None
    """The model that only this test calls, if it names one."""

    def calls(self, group: Sequence[Provider]) -> bool:
        """Return whether the test calls the models of a group."""
        if self.provider is not None:
            return [*group] == [self.provider]
        if any(each.of_test for each in group):
            return False
        return self.providers is None or any(
            is_named(each, name) for name in self.providers for each in group
        )


def read_top_level(config: Config) -> None:
    """Read the top-level keys, except those that list prompts, providers and tests."""
    for key, node in config.root.entries():
        if key in _KNOWN_ELSEWHERE:
            continue
        if key == "evaluateOptions":
            _evaluate_options(config, node)
            continue
        entry = config.ledger.add("key", node.key_location, f'"{key}"')
        if key == "description":
            config.description = node.text
        elif key in _OWN_SETTINGS:
            entry.drop("I102", "it is a setting of promptfoo itself")
        elif key in _LOST_KEYS:
            entry.lose("I101", _LOST_KEYS[key])
        elif key == "tracing":
            entry.drop("I102", "it is a setting of promptfoo itself")
        else:
            entry.drop("I106", "promptfoo has no such key")


def _evaluate_options(config: Config, node: Node) -> None:
    for key, value in node.entries():
        entry = config.ledger.add("key", value.key_location, f'"{key}" of evaluateOptions')
        if key == "repeat" and isinstance(value.value, int) and value.value >= 1:
            config.samples = value.value
        else:
            entry.drop("I102", "it is a setting of promptfoo itself")


def read_defaults(config: Config) -> None:
    """Read `defaultTest`, which applies to every test."""
    node = config.root.get("defaultTest")
    if node is None:
        return
    base = config.base
    if isinstance(node.value, str):
        entry = config.ledger.add("key", node.key_location, '"defaultTest"')
        try:
            name = config.folder.name_of(base, node.value.removeprefix("file://"), node.location)
            node, base = root_of(config.folder.document(name, node.location)), name.rpartition("/")[0]
        except RunnerError as error:
            entry.lose("I302", error.message)
            return
    config.default_base = base
    for key, value in node.entries():
        if key == "assert":
            config.default_asserts = list(
                read_assertions(value, base, config.root, config.ledger, default=True)
            )
            continue
        if key == "options":
            for option, part in value.entries():
                _option(config, option, part)
            continue
        entry = config.ledger.add("key", value.key_location, f'"{key}" of defaultTest')
        if key == "vars":
            config.default_vars = dict(value.entries())
        elif key == "threshold":
            config.default_threshold = read_threshold(entry, value)
        elif key in ("description", "metadata"):
            entry.drop("I102", "it only describes the tests")
        elif key == "providers" and isinstance(value.value, list):
            config.default_providers = tuple(str(each) for each in value.value)
        elif key == "provider":
            entry.drop("I509", "it is the model that judges")
        else:
            entry.lose("I101", "runner has nothing like it")


def _option(config: Config, key: str, node: Node) -> None:
    """Read an option of `defaultTest`, which applies to every test."""
    entry = config.ledger.add("key", node.key_location, f'"{key}" of the options')
    if key == "prefix" and node.text is not None:
        config.prefix = node.text
    elif key == "suffix" and node.text is not None:
        config.suffix = node.text
    elif key in ("transform", "postprocess"):
        config.transform = read_transform(node, entry)
    elif key == "transformVars":
        config.transform = Transform(entry, None)
        entry.lose("I402", "code changes the variables")
    elif key == "provider":
        config.judge = JudgeSettings(node, config.judge.own_prompt)
    elif key == "rubricPrompt":
        config.judge = JudgeSettings(config.judge.provider, own_prompt=True)
        entry.drop("I509", "the assertions that a model judges with it are lost")
    elif key == "factuality":
        entry.drop("I509", "it is about the model that judges")
    elif key == "disableVarExpansion" or key in REQUEST_OPTIONS:
        config.default_options[key] = node
    else:
        entry.drop("I102", "it is a setting of promptfoo itself")


def read_threshold(entry: Entry, node: Node) -> Threshold | None:
    """Return the part of the assertions that has to hold; None if all must."""
    value = node.value
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        entry.lose("I504", "no assertion has to hold; in runner every assertion must hold")
        return None
    return Threshold(entry, value) if value < 1 else None

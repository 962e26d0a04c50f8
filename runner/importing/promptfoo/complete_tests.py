"""Complete each test of a promptfoo configuration with the defaults, its scenario and its own options."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from ...errors import RunnerError
from ...values import Json
from ..ledger import Entry, Ledger
from ..nodes import Node, root_of
from .cases import SourceTest, VariableError, expanded, read_tests
from .config import REQUEST_OPTIONS, CompleteTest, Config, read_threshold
from .judged import JudgeSettings
from .providers import Provider, read_providers
from .source_assertions import read_assertions
from .transforms import read_transform

__all__ = ["complete_tests", "lose_dependent"]


def complete_tests(config: Config) -> None:
    """Read all tests of a configuration, and complete them."""
    node = config.root.get("tests")
    sources = read_tests(node, config.folder, config.base, config.ledger)
    config.declared_tests = node is not None and node.value not in (None, [])
    scenarios = config.root.get("scenarios")
    if scenarios is not None:
        config.declared_tests = True
        sources += list(_scenarios(scenarios, config))
    config.tests = [_test(config, source) for source in sources]
    for test in config.tests:
        written = json.dumps([node.value for node in test.vars.values()])
        lose_dependent(
            test,
            {name for name in config.stored if re.search(rf"\{{\{{[^}}]*\b{re.escape(name)}\b", written)},
        )
        if test.stores is not None:
            config.stored.add(test.stores)


def lose_dependent(test: CompleteTest, names: set[str]) -> None:
    """Mark a test that reads the answers of others as lost."""
    if names:
        test.source.entry.lose("I403", f"it reads the answer of another test ({', '.join(sorted(names))})")
        for each in test.asserts:
            each.entry.lose("I403", "its test is lost")


def _scenarios(node: Node, config: Config) -> Iterator[SourceTest]:
    for scenario in node.items():
        if isinstance(scenario.value, str):
            config.ledger.add("test", scenario.location, scenario.value).lose(
                "I401", "scenarios in files are not read"
            )
            continue
        configs = [each for part in [scenario.get("config")] if part for each in part.items()]
        tests = read_tests(scenario.get("tests"), config.folder, config.base, config.ledger)
        for each in configs or [Node({}, None)]:
            given = each.get("vars")
            for test in tests or [
                SourceTest(Node({}), config.ledger.add("test", scenario.location, "scenario"), config.base)
            ]:
                yield SourceTest(
                    test.node, test.entry, test.base, dict(given.entries()) if given else {}, each
                )


def _test(config: Config, source: SourceTest) -> CompleteTest:
    """Return a test with everything that the defaults add to it."""
    node, ledger = source.node, config.ledger
    made = CompleteTest(
        source, [], None, [], {}, {}, None, None, own_defaults=True, transform=config.transform,
    )  # fmt: skip
    made.providers = config.default_providers
    made.judge, made.threshold = config.judge, config.default_threshold
    made.vars = {**config.default_vars, **source.vars}
    made.bases = dict.fromkeys(made.vars, config.default_base)
    expand = "disableVarExpansion" not in config.default_options
    for key, value in node.entries():
        if key == "assert":
            made.asserts = list(read_assertions(value, source.base, config.root, ledger))
            continue
        if key == "options":
            for option, part in value.entries():
                expand = _test_option(made, option, part, ledger) and expand
            continue
        entry = ledger.add("key", value.key_location, f'"{key}" of a test')
        if key == "vars":
            _add_vars(made, value, source, config, entry)
        elif key == "description":
            made.description = value.text
        elif key == "metadata" and isinstance(value.value, dict):
            made.tags = [_tag(name, part) for name, part in value.value.items()]
        elif key in ("prompts", "prompt"):
            wanted = value.value if isinstance(value.value, list) else [value.value]
            made.prompts = tuple(str(each) for each in wanted)
        elif key == "threshold":
            made.threshold = read_threshold(entry, value)
        elif key == "providers" and isinstance(value.value, list):
            made.providers = tuple(str(each) for each in value.value)
        elif key == "provider":
            made.provider = _own_provider(value, source, config, entry)
        elif key == "providerOutput":
            why = "the test judges a given text without a call to a model"
            entry.lose("I403", why)
            source.entry.lose("I403", why)
        elif key in ("__metric", "weight"):
            entry.drop("I507", "it affects only the score; the verdict is the same")
        elif key == "assertScoringFunction":
            entry.lose("I504", "code computes a score")
        elif key in ("type", "tags", "id", "name", "skip", "category", "difficulty", "notes", "comment"):
            entry.drop("I106", "promptfoo does not read it")
        else:
            entry.drop("I106", "promptfoo has no such key in a test")
    try:
        made.cases = list(expanded(made.vars, config.folder, made.bases, expand=expand))
    except VariableError as error:
        name = error.node.path[-1] if error.node.path else "a variable"
        source.entry.lose(error.code, f'its variable "{name}" cannot be read: {error.why}')
    if source.entry.lost:
        for each in made.asserts:
            each.entry.lose(source.entry.code or "I402", "its test is lost")
    return made


def _own_provider(node: Node, source: SourceTest, config: Config, entry: Entry) -> Provider | None:
    """Return the model that only one test calls. Its test is lost if it is not a model."""
    keys = set(config.comments.keys)
    models, others = read_providers(node, config.folder, source.base, config.ledger, keys)
    config.comments.keys = frozenset(keys)
    if len(models) != 1:
        why = others[0] if others else "the test calls something else than a model"
        entry.lose("I201", why)
        source.entry.lose("I201", why)
        return None
    models[0].of_test = True
    return models[0]


def _tag(name: str, value: Json) -> str:
    return f"{name}:{value if isinstance(value, str) else json.dumps(value)}"[:100]


def _add_vars(made: CompleteTest, node: Node, source: SourceTest, config: Config, entry: Entry) -> None:
    if isinstance(node.value, dict):
        given, base = dict(node.entries()), source.base
    elif isinstance(node.value, str) and node.value.removeprefix("file://").endswith(
        (".yaml", ".yml", ".json")
    ):
        try:
            name = config.folder.name_of(source.base, node.value.removeprefix("file://"), node.location)
            given, base = (
                dict(root_of(config.folder.document(name, node.location)).entries()),
                name.rpartition("/")[0],
            )
        except RunnerError as error:
            entry.lose("I302", error.message)
            source.entry.lose("I302", "its variables cannot be read")
            return
    elif node.value is None:
        return
    else:
        entry.lose("I402", "variables of this kind are not supported")
        source.entry.lose("I402", "its variables cannot be read")
        return
    made.vars |= given
    made.bases |= dict.fromkeys(given, base)


def _test_option(made: CompleteTest, key: str, node: Node, ledger: Ledger) -> bool:
    """Read an option of one test, and return whether its lists are still expanded."""
    entry = ledger.add("key", node.key_location, f'"{key}" of a test\'s options')
    if key == "disableVarExpansion":
        return node.value is not True
    if key in ("transform", "postprocess"):
        made.transform = read_transform(node, entry)
    elif key == "transformVars":
        entry.lose("I402", "code changes the variables")
        made.source.entry.lose("I402", "code changes its variables")
    elif key in ("prefix", "suffix") and node.text:
        entry.lose("I403", f"the {key} of the prompt is only for this test")
        made.source.entry.lose("I403", f"it has its own {key}")
    elif key == "provider":
        made.judge = JudgeSettings(node, made.judge.own_prompt)
    elif key == "rubricPrompt":
        made.judge = JudgeSettings(made.judge.provider, own_prompt=True)
        entry.drop("I509", "the assertions that a model judges with it are lost")
    elif key == "factuality":
        entry.drop("I509", "it is about the model that judges")
    elif key == "storeOutputAs" and node.text:
        made.stores = node.text
        entry.lose("I403", "its answer is a variable of later tests")
    elif key == "disableDefaultAsserts" and node.value is True:
        made.own_defaults = False
    elif key in REQUEST_OPTIONS:
        entry.lose("I403", "the request field is only for this test")
        made.source.entry.lose("I403", "it changes the request")
    else:
        entry.drop("I102", "it is a setting of promptfoo itself")
    return True

"""A promptfoo configuration becomes prompt files of ours: one for each prompt and each way of asking a model."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ...errors import Location, RunnerError
from ...values import Json, JsonObject
from ..comments import Comments
from ..drafts import CaseDraft, Draft, Mapped
from ..kept import kept_assertion, kept_block
from ..ledger import Entry, Ledger, RefusedSourceError
from ..literal import all_texts, in_texts
from ..names import case_name, file_stem, free_name, input_name
from ..nodes import Node, root_of
from ..nunjucks import NoCounterpartError
from ..secrets import report_keys
from ..soundness import INCOMPLETE, mark
from ..sources import Folder
from .assertions import Given, SourceAssertion, mapped, read_assertions, uses_variables
from .cases import SourceTest, VariableError, expanded, read_tests, spelt
from .prompts import SourcePrompt, Wording, read_prompts, worded
from .providers import Provider, read_providers
from .transforms import Transform, read_transform

__all__ = ["read_promptfoo"]

_OWN_SETTINGS = {
    "$schema", "commandLineOptions", "outputPath", "sharing", "writeLatestResults", "metadata", "tags", "env", "envFile",
}  # fmt: skip
_LOST_KEYS = {
    "redteam": "attacks are not generated here",
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
_FIELD_ORDER = ("model", "reasoning_effort", "temperature", "top_p", "max_tokens", "max_completion_tokens")
_REQUEST_OPTIONS = {
    "temperature", "max_tokens", "max_completion_tokens", "top_p", "response_format", "seed", "stop", "tools", "tool_choice",
}  # fmt: skip


@dataclass(slots=True)
class _Config:
    """What was read of one configuration. Lives for one import."""

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
    prefix: str = ""
    suffix: str = ""
    transform: Transform | None = None
    tests: list[_Test] = field(default_factory=list)
    stored: set[str] = field(default_factory=set)
    declared_tests: bool = False


@dataclass(slots=True)
class _Test:
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


def read_promptfoo(name: str, folder: Folder, ledger: Ledger) -> tuple[list[Draft], dict[str, Json]]:
    """The prompt files of a configuration, and the endpoints that it names.

    Raises RefusedSourceError for one that tests an application or has no prompt that is text, RunnerError for a file that
    cannot be read.
    """
    document = folder.document(name)
    root = root_of(document)
    if not isinstance(root.value, dict):
        raise RefusedSourceError("I901", "it is no configuration of promptfoo", location=root.location)
    keys = set(report_keys(root, ledger))
    config = _Config(root, folder, name.rpartition("/")[0], ledger, Comments(frozenset(keys)))
    header = config.comments.header(document)
    _top_level(config)
    providers_node = root.get("providers") or root.get("targets")
    providers, others = read_providers(providers_node, folder, config.base, ledger, keys)
    config.comments.keys = frozenset(keys)
    prompts = read_prompts(root.get("prompts"), folder, config.base, ledger)
    _default_test(config)
    _tests(config)
    _refuse(config, providers, others, prompts, providers_node)
    drafts = _drafts(config, prompts, providers, header, name)
    endpoints: dict[str, Json] = {}
    for provider in providers:
        if provider.endpoint:
            endpoints[file_stem(provider.ids[0].partition(":")[0])] = dict(provider.endpoint)
    return drafts, endpoints


def _top_level(config: _Config) -> None:
    for key, node in config.root.entries():
        if key in _KNOWN_ELSEWHERE:
            continue
        if key == "evaluateOptions":
            _evaluate_options(config, node)
            continue
        entry = config.ledger.take("key", node.key_location, f'"{key}"')
        if key == "description":
            config.description = node.text
        elif key in _OWN_SETTINGS:
            entry.drop("I102", "a setting of promptfoo's own")
        elif key in _LOST_KEYS:
            entry.lose("I101", _LOST_KEYS[key])
        elif key == "tracing":
            entry.drop("I102", "a setting of promptfoo's own")
        else:
            entry.drop("I106", "promptfoo knows no such key")


def _evaluate_options(config: _Config, node: Node) -> None:
    for key, value in node.entries():
        entry = config.ledger.take("key", value.key_location, f'"{key}" of evaluateOptions')
        if key == "repeat" and isinstance(value.value, int) and value.value >= 1:
            config.samples = value.value
        else:
            entry.drop("I102", "a setting of promptfoo's own")


def _default_test(config: _Config) -> None:
    node = config.root.get("defaultTest")
    if node is None:
        return
    base = config.base
    if isinstance(node.value, str):
        entry = config.ledger.take("key", node.key_location, '"defaultTest"')
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
        entry = config.ledger.take("key", value.key_location, f'"{key}" of defaultTest')
        if key == "vars":
            config.default_vars = dict(value.entries())
        elif key == "threshold":
            _threshold(entry, value)
        elif key in ("description", "metadata"):
            entry.drop("I102", "it describes the tests for promptfoo only")
        elif key == "provider":
            entry.drop("I509", "it is the model that judges")
        else:
            entry.lose("I101", "runner knows nothing like it")


def _threshold(entry: Entry, node: Node) -> None:
    if not isinstance(node.value, int | float) or node.value < 1:
        entry.lose("I504", "only a part of the assertions has to hold there; here every one must")


def _option(config: _Config, key: str, node: Node) -> None:
    """An option of defaultTest, which holds for every test."""
    entry = config.ledger.take("key", node.key_location, f'"{key}" of the options')
    if key == "prefix" and node.text is not None:
        config.prefix = node.text
    elif key == "suffix" and node.text is not None:
        config.suffix = node.text
    elif key in ("transform", "postprocess"):
        config.transform = read_transform(node, entry)
    elif key == "transformVars":
        config.transform = Transform(entry, None)
        entry.lose("I402", "code changes the variables")
    elif key in ("provider", "rubricPrompt", "factuality"):
        entry.drop("I509", "it is about the model that judges")
    elif key == "disableVarExpansion" or key in _REQUEST_OPTIONS:
        config.default_options[key] = node
    else:
        entry.drop("I102", "a setting of promptfoo's own")


def _tests(config: _Config) -> None:
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
        _lose_dependent(
            test,
            {name for name in config.stored if re.search(rf"\{{\{{[^}}]*\b{re.escape(name)}\b", written)},
        )
        if test.stores is not None:
            config.stored.add(test.stores)


def _lose_dependent(test: _Test, names: set[str]) -> None:
    """Lose a test that reads the answers of others."""
    if names:
        test.source.entry.lose("I403", f"it reads the answer of another test ({', '.join(sorted(names))})")
        for each in test.asserts:
            each.entry.lose("I403", "its test is lost")


def _scenarios(node: Node, config: _Config) -> Iterator[SourceTest]:
    for scenario in node.items():
        if isinstance(scenario.value, str):
            config.ledger.take("test", scenario.location, scenario.value).lose(
                "I401", "scenarios in files are not read"
            )
            continue
        configs = [each for part in [scenario.get("config")] if part for each in part.items()]
        tests = read_tests(scenario.get("tests"), config.folder, config.base, config.ledger)
        for each in configs or [Node({}, None)]:
            given = each.get("vars")
            for test in tests or [
                SourceTest(Node({}), config.ledger.take("test", scenario.location, "scenario"), config.base)
            ]:
                yield SourceTest(
                    test.node, test.entry, test.base, dict(given.entries()) if given else {}, each
                )


def _test(config: _Config, source: SourceTest) -> _Test:
    """A test with everything that the defaults add to it."""
    node, ledger = source.node, config.ledger
    made = _Test(
        source, [], None, [], {}, {}, None, None, own_defaults=True, transform=config.transform,
    )  # fmt: skip
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
        entry = ledger.take("key", value.key_location, f'"{key}" of a test')
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
            _threshold(entry, value)
        elif key == "providers":
            entry.lose("I403", "the test is for some of the models only; here it is for all")
        elif key in ("provider", "providerOutput"):
            why = (
                "the test asks another model"
                if key == "provider"
                else "the test judges a text that is given, and asks no model"
            )
            entry.lose("I403", why)
            source.entry.lose("I403", why)
        elif key in ("__metric", "weight"):
            entry.drop("I507", "it is about the score; the verdict is the same")
        elif key == "assertScoringFunction":
            entry.lose("I504", "code that computes a score")
        elif key in ("type", "tags", "id", "name", "skip", "category", "difficulty", "notes", "comment"):
            entry.drop("I106", "promptfoo does not read it")
        else:
            entry.drop("I106", "promptfoo knows no such key of a test")
    try:
        made.cases = list(expanded(made.vars, config.folder, made.bases, expand=expand))
    except VariableError as error:
        name = error.node.path[-1] if error.node.path else "a variable"
        source.entry.lose(error.code, f'its variable "{name}" cannot be had: {error.why}')
    if source.entry.lost:
        for each in made.asserts:
            each.entry.lose(source.entry.code or "I402", "its test is lost")
    return made


def _tag(name: str, value: Json) -> str:
    return f"{name}:{value if isinstance(value, str) else json.dumps(value)}"[:100]


def _add_vars(made: _Test, node: Node, source: SourceTest, config: _Config, entry: Entry) -> None:
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
        entry.lose("I402", "variables of this kind are not read")
        source.entry.lose("I402", "its variables cannot be read")
        return
    made.vars |= given
    made.bases |= dict.fromkeys(given, base)


def _test_option(made: _Test, key: str, node: Node, ledger: Ledger) -> bool:
    """An option of one test; whether its lists are still expanded."""
    entry = ledger.take("key", node.key_location, f'"{key}" of a test\'s options')
    if key == "disableVarExpansion":
        return node.value is not True
    if key in ("transform", "postprocess"):
        made.transform = read_transform(node, entry)
    elif key == "transformVars":
        entry.lose("I402", "code changes the variables")
        made.source.entry.lose("I402", "code changes its variables")
    elif key in ("prefix", "suffix") and node.text:
        entry.lose("I403", f"a {key} of the prompt for this test only")
        made.source.entry.lose("I403", f"it has a {key} of its own")
    elif key in ("provider", "rubricPrompt", "factuality"):
        entry.drop("I509", "it is about the model that judges")
    elif key == "storeOutputAs" and node.text:
        made.stores = node.text
        entry.lose("I403", "its answer is a variable of later tests")
    elif key == "disableDefaultAsserts" and node.value is True:
        made.own_defaults = False
    elif key in _REQUEST_OPTIONS:
        entry.lose("I403", "a request field for this test only")
        made.source.entry.lose("I403", "it changes the request")
    else:
        entry.drop("I102", "a setting of promptfoo's own")
    return True


def _refuse(
    config: _Config,
    providers: Sequence[Provider],
    others: Sequence[str],
    prompts: Sequence[SourcePrompt],
    node: Node | None,
) -> None:
    """Raise RefusedSourceError where there is nothing that could be a prompt of ours."""
    place = node.location if node is not None else config.root.location
    application = [each for each in others if not each.startswith("the provider is echo")]
    if application and not providers:
        raise RefusedSourceError("I201", application[0], location=place)
    if "redteam" in (config.root.value if isinstance(config.root.value, dict) else {}) and not config.tests:
        location = (config.root.get("redteam") or config.root).key_location
        raise RefusedSourceError(
            "I906", "it is a red team's plan: it generates attacks, and holds no tests", location=location
        )
    if not prompts:
        lost = next((item for item in config.ledger.items() if item.kind == "prompt"), None)
        why = f"it has no prompt that is text: {lost.why}" if lost else "it has no prompts"
        raise RefusedSourceError("I301", why, location=lost.location if lost else config.root.location)


def _drafts(
    config: _Config,
    prompts: Sequence[SourcePrompt],
    providers: Sequence[Provider],
    header: Sequence[str],
    source: str,
) -> list[Draft]:
    drafts: list[Draft] = []
    taken: set[str] = set()
    for number, prompt in enumerate(prompts):
        try:
            rename = _renamed(config, prompt)
            prompt.text = f"{config.prefix}{prompt.text}{config.suffix}"
            words = worded(prompt, rename)
            if "_conversation" in words.variables:
                raise NoCounterpartError("it reads the conversation so far (_conversation)", 1)
            files = _included(config, prompt, words)
        except NoCounterpartError as error:
            place = prompt.location
            if prompt.folder or prompt.location.path.endswith((".txt", ".md", ".j2")):
                place = Location(place.path, prompt.first_line + error.line - 1, 1)
            prompt.entry.location = place
            prompt.entry.lose("I303", f"its template cannot be translated: {error.message}")
            continue
        groups = _groups(prompt, providers)
        stem = file_stem(prompt.stem or _first(prompt.names), _stem_of(source, config, len(prompts), number))
        for index, group in enumerate(groups):
            name = (
                stem
                if len(groups) == 1
                else f"{stem}-{file_stem(group[0].label if group else str(index + 1))}"
            )
            name = free_name(name, taken)
            taken.add(name)
            draft = Draft(name, prompt.entry, header=header if not drafts else ())
            _fill(draft, config, prompt, words, group, rename, files)
            drafts.append(draft)
    if not drafts:
        lost = next(
            item for item in config.ledger.items() if item.kind == "prompt" and item.outcome == "lost"
        )
        raise RefusedSourceError(
            lost.code or "I303", f"none of its prompts can be imported: {lost.why}", location=lost.location
        )
    for test in config.tests:
        if test.prompts is not None and not any(_takes(test, prompt) for prompt in prompts):
            test.source.entry.lose("I403", f"no prompt is called {', '.join(test.prompts)}")
            for each in test.asserts:
                each.entry.lose("I403", "its test is lost")
    return drafts


def _first(names: Sequence[str]) -> str:
    return next((name for name in names if "/" not in name and "\n" not in name and len(name) < 60), "")


def _stem_of(source: str, config: _Config, several: int, number: int) -> str:
    stem = source.rpartition("/")[2].rpartition(".")[0]
    stem = (
        "prompt"
        if stem.lower().startswith("promptfoo") and stem.lower() in ("promptfooconfig", "promptfoo")
        else stem
    )
    stem = file_stem(stem)
    return stem if several == 1 else f"{stem}-{number + 1}"


def _groups(prompt: SourcePrompt, providers: Sequence[Provider]) -> list[list[Provider]]:
    """The providers that ask a prompt, those together that ask alike."""
    names = set(prompt.names) | {prompt.stem}
    chosen = [each for each in providers if each.prompts is None or names & set(each.prompts)]
    groups: dict[str, list[Provider]] = {}
    for each in chosen:
        transform = each.transform.code if each.transform else ""
        groups.setdefault(json.dumps([each.request, transform], sort_keys=True), []).append(each)
    for group in groups.values():
        group[:] = list({each.model: each for each in reversed(group)}.values())[::-1]
    return list(groups.values()) or [[]]


def _renamed(config: _Config, prompt: SourcePrompt) -> dict[str, str]:
    """The names of variables that a template of ours cannot read, and what they are called here."""
    names = dict.fromkeys(name for test in config.tests for name in test.vars)
    names |= dict.fromkeys(config.default_vars)
    names |= dict.fromkeys(re.findall(r"[^\W\d]\w*", prompt.text)) if not prompt.text.isascii() else {}
    taken: set[str] = {name for name in names if input_name(name) == name}
    renamed: dict[str, str] = {}
    for name in names:
        ours = input_name(name)
        if ours != name:
            ours = input_name(name, taken)
            renamed[name] = ours
            taken.add(ours)
    return renamed


def _included(config: _Config, prompt: SourcePrompt, words: Wording) -> dict[str, bytes]:
    """The files that a prompt includes; promptfoo names them from where it was started, which is the folder of the config."""
    files: dict[str, bytes] = {}
    for name in words.includes:
        try:
            file = config.folder.name_of(config.base, name, prompt.location)
            data, text = config.folder.read(file, prompt.location), config.folder.text(file, prompt.location)
        except RunnerError as error:
            raise NoCounterpartError(f"the file that it includes: {error.message}", 1) from None
        if re.search(r"\{[{%#]", text):
            raise NoCounterpartError(f"{name}, which it includes, is a template itself", 1)
        if text.endswith(
            "\n"
        ):  # Nunjucks keeps the last line end of an included file, which an include of ours drops
            tag = re.compile(rf"\{{%-?\s*include\s+[\"']{re.escape(name)}[\"']\s*-?%\}}")
            words.messages = [_after_tag(each, tag, '{{ "\\n" }}') for each in words.messages]
        files[name.removeprefix("./")] = data
    return files


def _after_tag(value: Json, tag: re.Pattern[str], added: str) -> Json:
    return in_texts(value, lambda text: tag.sub(lambda found: found[0] + added, text))


def _takes(test: _Test, prompt: SourcePrompt) -> bool:
    return test.prompts is None or bool(set(test.prompts) & ({*prompt.names, prompt.stem}))


def _fill(
    draft: Draft,
    config: _Config,
    prompt: SourcePrompt,
    words: Wording,
    group: Sequence[Provider],
    rename: Mapping[str, str],
    files: Mapping[str, bytes],
) -> None:
    """Everything that the file of one prompt says."""
    draft.files = dict(files)
    request = dict(group[0].request) if group else {}
    for key, value in prompt.config.entries() if prompt.config is not None else ():
        if key in _REQUEST_OPTIONS:
            request[key] = value.value
    for key, node in config.default_options.items():
        if key in _REQUEST_OPTIONS:
            request[key] = node.value
    extra = request.pop("extra_body", None)
    if config.description and config.description.strip():
        draft.put("description", config.description.strip())
    if group:
        request["model"] = group[0].model
    else:
        config.ledger.remark(
            prompt.location, "I602", "prompt", "no model is named: give one with --model, or under model"
        )
    for provider in group:
        if provider.generates and not _is_one_text(words.messages):
            provider.entry.lose(
                "I203", "Ollama's generate endpoint takes one text, and would be sent these messages as JSON"
            )
    entries = group[0].fields if group else {}
    comments = config.comments
    for key in (*_FIELD_ORDER, *(key for key in request if key not in _FIELD_ORDER)):
        if key in request:
            sent = _response_format(request[key]) if key == "response_format" else request[key]
            draft.put(key, sent, group[0].entry if key == "model" and group else entries.get(key))
    if extra is not None:
        draft.put("extra_body", extra, entries.get("extra_body"))
    if len(group) > 1:
        draft.put("matrix", {"model": [each.model for each in group]})
    asked = request.get("response_format")
    form = asked.get("type") if isinstance(asked, dict) else None
    for test in config.tests:
        _lose_dependent(test, config.stored & words.variables.keys() - test.vars.keys())
    tests = [
        test
        for test in config.tests
        if _takes(test, prompt) and test.cases is not None and not test.source.entry.lost
    ]
    _inputs(draft, config, words, tests, rename)
    if any(re.search(r"\{[%#]", text) for text in all_texts(words.messages)):
        draft.put("template", {"whitespace": "raw"})
    draft.put("messages", words.messages, prompt.entry)
    given = Given(
        None,
        lambda name: rename.get(name, name),
        form == "json_schema",
        form in ("json_schema", "json_object"),
        config.folder,
        config.ledger,
    )
    of_providers = list(dict.fromkeys(each.transform for each in group))
    transform = config.transform
    if of_providers not in ([], [None]):
        transform = _of_providers(of_providers, config, tests)
    given = replace(given, transform=transform)
    kept: list[Json] = []
    for_all = [each for each in config.default_asserts if _is_for_all(each, tests, config)]
    lost_default = False
    for each in for_all:
        made = mapped(each, given, comments)
        if made is not None:
            draft.asserts.append(made)
        if each.entry.lost:
            lost_default = True
            kept.append(kept_assertion(each.node, each.entry, None, comments.keys))
    taken: set[str] = set()
    seen: set[str] = set()
    per_case = [each for each in config.default_asserts if each not in for_all]
    for test in tests:
        for case in _cases(test, config, given, per_case, words, rename, taken, seen, kept):
            draft.tests.append(case)
    if not config.tests and not config.declared_tests and config.default_vars:
        pass
    if lost_default:
        draft.put("tags", [INCOMPLETE])
    if config.samples and config.samples > 1:
        draft.put("regression", {"samples": config.samples})
    if kept:
        draft.put("x-import", kept_block("promptfoo", config.root.location.path, kept))


def _is_one_text(messages: Sequence[Json]) -> bool:
    first = messages[0] if len(messages) == 1 else None
    return isinstance(first, dict) and first.get("role") == "user" and isinstance(first.get("content"), str)


def _response_format(value: Json) -> Json:
    """Promptfoo also takes the schema one level higher than OpenAI does."""
    if isinstance(value, dict) and value.get("type") == "json_schema" and "json_schema" not in value:
        inner = {
            key: part for key, part in value.items() if key in ("name", "schema", "strict", "description")
        }
        return {"type": "json_schema", "json_schema": {"name": "answer", **inner}}
    return value


def _is_for_all(assertion: SourceAssertion, tests: Sequence[_Test], config: _Config) -> bool:
    return not uses_variables(assertion) and all(
        test.own_defaults and test.transform is config.transform for test in tests
    )


def _of_providers(
    found: Sequence[Transform | None], config: _Config, tests: Sequence[_Test]
) -> Transform | None:
    """The transform of the providers; one that stands beside another, or is of some of them only, cannot be put into assertions."""
    transforms = [each for each in found if each is not None]
    several = len({each.code for each in transforms}) > 1 or None in found
    if not several and config.transform is None and not any(test.transform for test in tests):
        return transforms[0]
    for each in transforms:
        each.entry.lose("I205", "code changes the answer before it is judged")
    return Transform(transforms[0].entry, None)


def _inputs(
    draft: Draft, config: _Config, words: Wording, tests: Sequence[_Test], rename: Mapping[str, str]
) -> None:
    """Every variable of every test is declared, used or not; one that a test does not give is empty, as in Nunjucks."""
    cases = [case for test in tests for case in test.cases or ()]
    names = dict.fromkeys(words.variables)
    for case in cases:
        names |= dict.fromkeys(case)
    if not config.declared_tests:
        names |= dict.fromkeys(config.default_vars)
    inputs: dict[str, Json] = {}
    for name in names:
        values = [_value(name, case[name], words) for case in cases if name in case]
        spec: dict[str, Json] = {}
        if name in words.variables and any(isinstance(case.get(name), dict) for case in cases):
            why = "where it is printed promptfoo prints [object Object]; here it is JSON"
            config.ledger.remark(draft.entry.location, "I606", f'variable "{name}"', why)
        if (values and all(isinstance(value, str) for value in values)) or (
            not values and name in words.variables
        ):
            spec["type"] = "string"
        if (cases and any(name not in case for case in cases)) or (cases and not values):
            spec["default"] = ""
            if name in words.variables:
                config.ledger.remark(
                    draft.entry.location, "I603", f'variable "{name}"',
                    "some tests give it no value, which promptfoo renders as nothing: its default is the empty text",
                )  # fmt: skip
            if spec.get("type") != "string":
                spec.pop("type", None)
        if not cases and not config.declared_tests and name in config.default_vars:
            value = config.default_vars[name].value
            if isinstance(value, str) and not value.startswith("file://") and "{{" not in value:
                spec["default"] = value.removesuffix("\n")
        inputs[rename.get(name, name)] = spec
    for name, ours in rename.items():
        if ours in inputs:
            config.ledger.remark(
                draft.entry.location, "I604", f'variable "{name}"', f"it is called {ours} here"
            )
    if inputs:
        draft.put("inputs", inputs)


def _value(name: str, value: Json, words: Wording) -> Json:
    """A value as our templates print it the way promptfoo does."""
    if name in words.variables and name not in words.walked and value is None:
        return ""
    if name in words.variables and name not in words.walked and isinstance(value, list | dict):
        return spelt(value)
    return value


def _cases(
    test: _Test,
    config: _Config,
    given: Given,
    defaults: Sequence[SourceAssertion],
    words: Wording,
    rename: Mapping[str, str],
    taken: set[str],
    seen: set[str],
    kept: list[Json],
) -> Iterator[CaseDraft]:
    for values in test.cases or ():
        fields: dict[str, Json] = {}
        ours: JsonObject = {
            rename.get(name, name): _value(name, value, words) for name, value in values.items()
        }
        digest = json.dumps(ours, sort_keys=True)
        identity = case_name(test.description or "", taken) or (
            case_name("repeated", taken) if digest in seen else None
        )
        seen.add(digest)
        if identity is not None:
            taken.add(identity)
            fields["id"] = identity
        if test.description and test.description.strip():
            fields["description"] = test.description.strip()
        if test.tags:
            fields["tags"] = list(dict.fromkeys(test.tags))
        fields["vars"] = dict(ours)
        case = CaseDraft(fields, test.source.entry, comments=config.comments.above(test.source.node))
        here = replace(given, values=values, transform=test.transform or given.transform)
        complete = True
        known: list[Mapped] = []
        for each in (*(defaults if test.own_defaults else ()), *test.asserts):
            made = mapped(each, here, config.comments)
            if made is not None:
                known.append(made)
            if each.entry.lost:
                complete = False
                if not _is_kept(kept, each):
                    kept.append(kept_assertion(each.node, each.entry, identity, config.comments.keys))
        case.asserts = list(_once(known))
        if not complete:
            mark(case)
        yield case


def _is_kept(kept: Sequence[Json], each: SourceAssertion) -> bool:
    at = str(each.node.location)
    return any(isinstance(part, dict) and part.get("at") == at for part in kept)


def _once(asserts: Sequence[Mapped]) -> Iterator[Mapped]:
    """The same assertion twice says nothing more."""
    seen: set[str] = set()
    for each in asserts:
        key = json.dumps(each.spec, sort_keys=True)
        if key not in seen:
            seen.add(key)
            yield each

"""Fill the prompt file of one prompt: request fields, inputs, messages, assertions and tests."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ...values import Json
from ..drafts import Draft
from ..kept import kept_assertion, kept_block
from ..literal import all_texts
from ..soundness import INCOMPLETE
from .assertions import Given, mapped
from .complete_tests import lose_dependent
from .config import REQUEST_OPTIONS, CompleteTest, Config
from .draft_cases import cases_of, printed
from .prompts import SourcePrompt, Wording
from .providers import Provider
from .source_assertions import SourceAssertion, uses_variables
from .transforms import Transform

__all__ = ["fill", "is_for_prompt"]

_FIELD_ORDER = ("model", "reasoning_effort", "temperature", "top_p", "max_tokens", "max_completion_tokens")


def is_for_prompt(test: CompleteTest, prompt: SourcePrompt) -> bool:
    """Return whether a test is for this prompt."""
    return test.prompts is None or bool(set(test.prompts) & ({*prompt.names, prompt.stem}))


def fill(
    draft: Draft,
    config: Config,
    prompt: SourcePrompt,
    words: Wording,
    group: Sequence[Provider],
    rename: Mapping[str, str],
    files: Mapping[str, bytes],
) -> None:
    """Write everything that the file of one prompt contains."""
    draft.files = dict(files)
    if config.description and config.description.strip():
        draft.put("description", config.description.strip())
    request = _request(config, prompt, group)
    _put_request(draft, config, prompt, words, group, request)
    for test in config.tests:
        lose_dependent(test, config.stored & words.variables.keys() - test.vars.keys())
    tests = [
        test
        for test in config.tests
        if is_for_prompt(test, prompt)
        and test.calls(group)
        and test.cases is not None
        and not test.source.entry.lost
    ]
    _inputs(draft, config, words, tests, rename)
    if any(re.search(r"\{[%#]", text) for text in all_texts(words.messages)):
        draft.put("template", {"whitespace": "raw"})
    draft.put("messages", words.messages, prompt.entry)
    given = _given(config, group, request, tests, rename)
    kept = _put_assertions(draft, config, given, tests, words, rename)
    if config.samples and config.samples > 1:
        draft.put("regression", {"samples": config.samples})
    if kept:
        draft.put("x-import", kept_block("promptfoo", config.root.location.path, kept))


def _request(config: Config, prompt: SourcePrompt, group: Sequence[Provider]) -> dict[str, Json]:
    """Return the request fields of the provider, the prompt and the defaults; later ones override earlier ones."""
    request = dict(group[0].request) if group else {}
    own = dict(prompt.config.entries()) if prompt.config is not None else {}
    for key, node in (*own.items(), *config.default_options.items()):
        if key in REQUEST_OPTIONS:
            request[key] = node.value
    return request


def _put_request(
    draft: Draft,
    config: Config,
    prompt: SourcePrompt,
    words: Wording,
    group: Sequence[Provider],
    request: Mapping[str, Json],
) -> None:
    if not group:
        config.ledger.remark(
            prompt.location, "I602", "prompt", "no model is named: give one with --model, or under model"
        )
    for provider in group:
        if provider.generates and not _is_one_text(words.messages):
            provider.entry.lose(
                "I203",
                "Ollama's generate endpoint accepts one text; promptfoo would send these messages to it as JSON",
            )
    sent = dict(request)
    if group:
        sent["model"] = group[0].model
    if "response_format" in sent:
        sent["response_format"] = _response_format(sent["response_format"])
    entries = {**group[0].fields, "model": group[0].entry} if group else {}
    last = "extra_body"
    for key in (*_FIELD_ORDER, *(key for key in sent if key not in (*_FIELD_ORDER, last)), last):
        if key in sent:
            draft.put(key, sent[key], entries.get(key))
    if len(group) > 1:
        draft.put("matrix", {"model": [each.model for each in group]})


def _given(
    config: Config,
    group: Sequence[Provider],
    request: Mapping[str, Json],
    tests: Sequence[CompleteTest],
    rename: Mapping[str, str],
) -> Given:
    asked = request.get("response_format")
    form = asked.get("type") if isinstance(asked, dict) else None
    of_providers = list(dict.fromkeys(each.transform for each in group))
    transform = config.transform
    if of_providers not in ([], [None]):
        transform = _of_providers(of_providers, config, tests)
    return Given(
        None,
        lambda name: rename.get(name, name),
        form == "json_schema",
        form in ("json_schema", "json_object"),
        config.folder,
        config.ledger,
        transform=transform,
        judge=config.judge,
    )


def _put_assertions(
    draft: Draft,
    config: Config,
    given: Given,
    tests: Sequence[CompleteTest],
    words: Wording,
    rename: Mapping[str, str],
) -> list[Json]:
    """Write the assertions for all tests, and the tests with their own. Return the lost assertions."""
    kept: list[Json] = []
    for_all = [each for each in config.default_asserts if _is_for_all(each, tests, config)]
    for each in for_all:
        draft.asserts += mapped(each, given, config.comments)
        if each.entry.lost:
            kept.append(kept_assertion(each.node, each.entry, None, config.comments.keys, given.beside))
    if kept:
        draft.put("tags", [INCOMPLETE])
    taken: set[str] = set()
    seen: set[str] = set()
    per_case = [each for each in config.default_asserts if each not in for_all]
    for test in tests:
        draft.tests += cases_of(test, config, given, per_case, words, rename, taken, seen, kept)
    return kept


def _is_one_text(messages: Sequence[Json]) -> bool:
    first = messages[0] if len(messages) == 1 else None
    return isinstance(first, dict) and first.get("role") == "user" and isinstance(first.get("content"), str)


def _response_format(value: Json) -> Json:
    """Return the response format. promptfoo also accepts the schema one level higher than OpenAI does."""
    if isinstance(value, dict) and value.get("type") == "json_schema" and "json_schema" not in value:
        inner = {
            key: part for key, part in value.items() if key in ("name", "schema", "strict", "description")
        }
        return {"type": "json_schema", "json_schema": {"name": "answer", **inner}}
    return value


def _is_for_all(assertion: SourceAssertion, tests: Sequence[CompleteTest], config: Config) -> bool:
    return not uses_variables(assertion) and all(
        test.own_defaults and test.transform is config.transform and test.judge == config.judge
        for test in tests
    )


def _of_providers(
    found: Sequence[Transform | None], config: Config, tests: Sequence[CompleteTest]
) -> Transform | None:
    """Return the transform of the providers. It is lost if there is another one, or if only some providers have it."""
    transforms = [each for each in found if each is not None]
    several = len({each.code for each in transforms}) > 1 or None in found
    if not several and config.transform is None and not any(test.transform for test in tests):
        return transforms[0]
    for each in transforms:
        each.entry.lose("I205", "code changes the answer before it is judged")
    return Transform(transforms[0].entry, None)


def _inputs(
    draft: Draft, config: Config, words: Wording, tests: Sequence[CompleteTest], rename: Mapping[str, str]
) -> None:
    """Declare every variable of every test; a variable that a test does not set is empty, as in Nunjucks."""
    cases = [case for test in tests for case in test.cases or ()]
    names = dict.fromkeys(words.variables)
    for case in cases:
        names |= dict.fromkeys(case)
    if not config.declared_tests:
        names |= dict.fromkeys(config.default_vars)
    inputs: dict[str, Json] = {}
    for name in names:
        values = [printed(name, case[name], words) for case in cases if name in case]
        spec: dict[str, Json] = {}
        if name in words.variables and any(isinstance(case.get(name), dict) for case in cases):
            why = "promptfoo prints it as [object Object]; runner prints JSON"
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
                    "some tests do not set it, and promptfoo renders it as nothing: its default is the empty string",
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
                draft.entry.location, "I604", f'variable "{name}"', f"its name in runner is {ours}"
            )
    if inputs:
        draft.put("inputs", inputs)

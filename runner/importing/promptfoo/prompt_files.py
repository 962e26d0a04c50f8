"""Choose the prompt files that a promptfoo configuration becomes: their names, and the models of each."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from ...errors import Location, RunnerError
from ...values import Json
from ..drafts import Draft
from ..ledger import RefusedSourceError
from ..literal import in_texts
from ..names import file_stem, free_name, input_name
from ..nunjucks import NoCounterpartError
from .config import CompleteTest, Config
from .contents import fill, is_for_prompt
from .prompts import SourcePrompt, Wording, worded
from .providers import Provider

__all__ = ["make_drafts"]


def make_drafts(
    config: Config,
    prompts: Sequence[SourcePrompt],
    providers: Sequence[Provider],
    header: Sequence[str],
    source: str,
) -> list[Draft]:
    """Return the prompt files. Raises RefusedSourceError if no prompt can be imported."""
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
        groups = _groups(prompt, providers, config.tests)
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
            fill(draft, config, prompt, words, group, rename, files)
            drafts.append(draft)
    if not drafts:
        lost = next(
            item for item in config.ledger.items() if item.kind == "prompt" and item.outcome == "lost"
        )
        raise RefusedSourceError(
            lost.code or "I303", f"none of its prompts can be imported: {lost.why}", location=lost.location
        )
    for test in config.tests:
        if test.prompts is not None and not any(is_for_prompt(test, prompt) for prompt in prompts):
            _lose(test, f"no prompt has the name {', '.join(test.prompts)}")
        if (
            test.provider is None
            and test.providers is not None
            and not any(test.calls([each]) for each in providers)
        ):
            _lose(test, f"no provider has the name {', '.join(test.providers)}")
    return drafts


def _lose(test: CompleteTest, why: str) -> None:
    test.source.entry.lose("I403", why)
    for each in test.asserts:
        each.entry.lose("I403", "its test is lost")


def _first(names: Sequence[str]) -> str:
    return next((name for name in names if "/" not in name and "\n" not in name and len(name) < 60), "")


def _stem_of(source: str, config: Config, several: int, number: int) -> str:
    stem = source.rpartition("/")[2].rpartition(".")[0]
    stem = (
        "prompt"
        if stem.lower().startswith("promptfoo") and stem.lower() in ("promptfooconfig", "promptfoo")
        else stem
    )
    stem = file_stem(stem)
    return stem if several == 1 else f"{stem}-{number + 1}"


def _groups(
    prompt: SourcePrompt, providers: Sequence[Provider], tests: Sequence[CompleteTest]
) -> list[list[Provider]]:
    """Return the providers of a prompt, grouped by equal requests and equal tests; those of single tests come last."""
    names = set(prompt.names) | {prompt.stem}
    chosen = [each for each in providers if each.prompts is None or names & set(each.prompts)]
    groups: dict[str, list[Provider]] = {}
    for each in chosen:
        transform = each.transform.code if each.transform else ""
        called = [test.calls([each]) for test in tests]
        groups.setdefault(json.dumps([each.request, transform, called], sort_keys=True), []).append(each)
    for group in groups.values():
        group[:] = list({each.model: each for each in reversed(group)}.values())[::-1]
    found = list(groups.values()) or [[]]
    mine = [test for test in tests if is_for_prompt(test, prompt)]
    own = [[test.provider] for test in mine if test.provider is not None]
    # Models that no test calls, and that promptfoo therefore does not call.
    called_by = [group for group in found if any(test.calls(group) for test in mine)]
    return ((called_by or (found if not own else [])) if mine else found) + own


def _renamed(config: Config, prompt: SourcePrompt) -> dict[str, str]:
    """Return new names for the variables whose names Jinja cannot read."""
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


def _included(config: Config, prompt: SourcePrompt, words: Wording) -> dict[str, bytes]:
    """Return the files that a prompt includes, by name. promptfoo resolves them from the folder of the configuration."""
    files: dict[str, bytes] = {}
    for name in words.includes:
        try:
            file = config.folder.name_of(config.base, name, prompt.location)
            data, text = config.folder.read(file, prompt.location), config.folder.text(file, prompt.location)
        except RunnerError as error:
            raise NoCounterpartError(f"the included file: {error.message}", 1) from None
        if re.search(r"\{[{%#]", text):
            raise NoCounterpartError(f"{name}, which it includes, is a template itself", 1)
        if text.endswith("\n"):  # Nunjucks keeps the last line end of an included file, Jinja drops it
            tag = re.compile(rf"\{{%-?\s*include\s+[\"']{re.escape(name)}[\"']\s*-?%\}}")
            words.messages = [_after_tag(each, tag, '{{ "\\n" }}') for each in words.messages]
        files[name.removeprefix("./")] = data
    return files


def _after_tag(value: Json, tag: re.Pattern[str], added: str) -> Json:
    return in_texts(value, lambda text: tag.sub(lambda found: found[0] + added, text))

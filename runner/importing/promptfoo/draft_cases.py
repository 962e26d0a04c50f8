"""Write the cases of the tests of a promptfoo configuration, with their assertions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ...files.case_ids import case_id
from ...values import Json, JsonObject
from ..drafts import CaseDraft, Mapped
from ..kept import kept_assertion
from ..names import case_name
from ..soundness import mark
from .assertions import Given, mapped
from .cases import spelt
from .config import CompleteTest, Config
from .prompts import Wording
from .source_assertions import SourceAssertion, decides_nothing

__all__ = ["cases_of", "printed"]


def printed(name: str, value: Json, words: Wording) -> Json:
    """Return a value that Jinja prints the way promptfoo prints the original."""
    if name in words.variables and name not in words.walked and value is None:
        return ""
    if name in words.variables and name not in words.walked and isinstance(value, list | dict):
        return spelt(value)
    return value


def cases_of(
    test: CompleteTest,
    config: Config,
    given: Given,
    defaults: Sequence[SourceAssertion],
    words: Wording,
    rename: Mapping[str, str],
    taken: set[str],
    seen: set[str],
    kept: list[Json],
) -> Iterator[CaseDraft]:
    """Yield the cases of a test. `kept` gets the assertions that are lost."""
    for values in test.cases or ():
        fields: dict[str, Json] = {}
        ours: JsonObject = {
            rename.get(name, name): printed(name, value, words) for name, value in values.items()
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
        here = replace(given, values=values, transform=test.transform or given.transform, judge=test.judge)
        complete = True
        known: list[Mapped] = []
        for each in (*(defaults if test.own_defaults else ()), *test.asserts):
            known += mapped(each, here, config.comments)
            if each.entry.lost:
                complete = False
                if not _is_kept(kept, each):
                    called = identity or _default_id(ours)
                    kept.append(
                        kept_assertion(each.node, each.entry, called, config.comments.keys, here.beside)
                    )
        case.asserts = list(_once(known))
        if test.threshold is not None:
            wanted = [
                each
                for each in ((*defaults, *test.asserts) if test.own_defaults else test.asserts)
                if not decides_nothing(each)
            ]
            _put_threshold(case, test, config, complete=complete and len(case.asserts) == len(wanted))
        if not complete:
            mark(case)
        yield case


_BINARY = re.compile(
    r"(?:not-)?(?:equals|i?contains(?:-any|-all)?|starts-with|regex|is-json|contains-json|latency|cost|word-count|finish-reason)"
)
"""The types whose score in promptfoo is 0 or 1."""


def _put_threshold(case: CaseDraft, test: CompleteTest, config: Config, *, complete: bool) -> None:
    """Write the part of the assertions that has to hold, if the score of the case is the same in promptfoo."""
    assert test.threshold is not None
    sources = [*(config.default_asserts if test.own_defaults else ()), *test.asserts]
    kinds = [str(kind.value) for each in sources if (kind := each.node.get("type")) is not None]
    complete = complete and not any(each.entry.outcome in ("lost", "implied") for each in sources)
    if not complete or any(each.in_set for each in sources) or not all(map(_BINARY.fullmatch, kinds)):
        test.threshold.entry.lose(
            "I504",
            "promptfoo compares it with a mean of scores; in runner every assertion must hold",
        )
        return
    case.fields = {**case.fields, "threshold": test.threshold.value}


def _default_id(ours: JsonObject) -> str | None:
    try:
        return case_id(ours)
    except ValueError:  # a number that JSON cannot have; runner check refuses it
        return None


def _is_kept(kept: Sequence[Json], each: SourceAssertion) -> bool:
    at = str(each.node.location)
    return any(isinstance(part, dict) and part.get("at") == at for part in kept)


def _once(asserts: Sequence[Mapped]) -> Iterator[Mapped]:
    """Yield each assertion once, even if the test repeats it."""
    seen: set[str] = set()
    for each in asserts:
        key = json.dumps(each.spec, sort_keys=True)
        if key not in seen:
            seen.add(key)
            yield each

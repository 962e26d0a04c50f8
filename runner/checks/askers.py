"""How each type of assertion that a call decides asks, and what the answer means: one builder per type. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from ..canonical import canonical
from ..files.assertion_types import RELATIONS
from ..files.moderation_categories import CATEGORIES, DEFAULT_MODEL, is_of_openai
from ..files.violations import near
from ..schema import show
from ..values import Json, JsonObject
from .calls import Ask, CallDecision, CallTarget, reason_of
from .predicates import SpecError
from .same_facts import negations, numbers

if TYPE_CHECKING:
    from .assertions import AnswerView

__all__ = ["ASKERS"]

Asker: TypeAlias = Callable[[Json, Mapping[str, Json]], Ask]
"""Builds it from an assertion's argument and further keys. Raises SpecError."""


def _moderation(most: Json, keys: Mapping[str, Json]) -> Ask:
    named = keys.get("categories")
    categories = [str(each) for each in named] if isinstance(named, list) else []
    for place, name in enumerate(categories):
        if name not in CATEGORIES and is_of_openai(str(keys.get("model", DEFAULT_MODEL))):
            hint = near(name, CATEGORIES) or f"there are {', '.join(CATEGORIES)}"
            raise SpecError(f"there is no category {show(name)}", hint, ("categories", place))
    limit = float(most) if isinstance(most, int | float) else None
    among = f" in {_or(categories)}" if categories else ""
    wanted = (
        f"not flagged{among}"
        if limit is None
        else f"given a score of at most {limit:g}{among or ' in each category'}"
    )
    of_input = keys.get("of") == "input"

    def inputs(value: Json, answer: AnswerView) -> JsonObject:
        return {"input": _text(dict(answer.vars) if of_input else value)}

    def decide(found: JsonObject) -> CallDecision:
        return _moderated(found, categories, limit)

    what = "variables that are" if of_input else "text that is"
    target = CallTarget("moderations", model=_word(keys.get("model")), endpoint=_word(keys.get("endpoint")))
    unwanted = f"flagged{among}" if limit is None else f"not {wanted}"
    return Ask(target, f"{what} {wanted}", f"{what} {unwanted}", inputs, decide)


def _moderated(found: JsonObject, categories: Sequence[str], limit: float | None) -> CallDecision:
    """Decide by the categories that apply or, with a `limit`, by the scores."""
    listed, scores = found.get("categories"), found.get("scores")
    applies = [str(each) for each in listed] if isinstance(listed, list) else []
    known = dict(scores) if isinstance(scores, Mapping) else {}
    for name in categories:
        if name not in known and name not in applies and (known or limit is not None):
            return CallDecision(None, f"the answer has no category {name}")
    if limit is not None:
        if not known:
            return CallDecision(None, "the answer has no scores")
        counted = {name: float(str(known[name])) for name in categories or known}
        worst = max(counted, key=lambda name: counted[name])
        return CallDecision(counted[worst] <= limit, f"{worst} has the score {counted[worst]:.2g}")
    if categories:
        hits = [name for name in categories if name in applies]
        return CallDecision(not hits, f"it is flagged: {', '.join(hits)}" if hits else "it is not flagged")
    if found.get("flagged"):
        return CallDecision(False, f"it is flagged: {', '.join(applies) or 'without a category'}")  # noqa: FBT003
    return CallDecision(True, "it is not flagged")  # noqa: FBT003


def _rubric(criterion: Json, keys: Mapping[str, Json]) -> Ask:
    return _judged(
        "judges:rubric", {"criterion": criterion}, keys, f"an answer that meets {show(criterion)}", _PASS
    )


def _closed_qa(criterion: Json, keys: Mapping[str, Json]) -> Ask:
    return _judged(
        "judges:closed-qa", {"criterion": criterion}, keys, f"an answer that meets {show(criterion)}", _PASS
    )


def _factuality(reference: Json, keys: Mapping[str, Json]) -> Ask:
    allow = keys.get("allow")
    allowed = [str(each) for each in allow] if isinstance(allow, list) else [*_WITHOUT_CONTRADICTION]
    if set(allowed) >= set(RELATIONS):
        raise SpecError(
            "every relation is allowed, so it can never fail", "name the ones that pass", ("allow",)
        )
    wanted = f"facts whose relation to {show(reference)} is {_or(allowed)}"
    verdicts = {each: each in allowed for each in RELATIONS}
    return _judged("judges:factuality", {"reference": reference}, keys, wanted, verdicts)


def _g_eval(criterion: Json, keys: Mapping[str, Json]) -> Ask:
    least = keys.get("threshold", 0.7)
    assert isinstance(least, int | float), "its schema says so"
    if not least:
        raise SpecError("every score is at least 0, so it can never fail", None, ("threshold",))
    given = {"criterion": criterion, **({"steps": keys["steps"]} if "steps" in keys else {})}

    def decide(found: JsonObject) -> CallDecision:
        score = found.get("score")
        if not isinstance(score, int | float):
            return CallDecision(None, f"the judge is unsure: {reason_of(found)}")
        return CallDecision(score >= least, f"the score is {score:.2g}: {reason_of(found)}")

    judged = _judged("judges:steps", given, keys, f"a score of at least {least:g} for {show(criterion)}", {})
    return replace(judged, decide=decide, unwanted=f"a score below {least:g} for {show(criterion)}")


_PASS = {"pass": True, "fail": False}
_WITHOUT_CONTRADICTION = tuple(each for each in RELATIONS if each != "contradicts")


def _judged(
    default: str, given: JsonObject, keys: Mapping[str, Json], wanted: str, verdicts: Mapping[str, bool]
) -> Ask:
    """Return how a judge is asked; `verdicts` says which of its verdicts hold. Any other verdict decides nothing."""
    written = keys.get("judge", {})
    judge = {"prompt": written} if isinstance(written, str) else written
    assert isinstance(judge, Mapping), "its schema says so"
    votes = judge.get("votes")
    target = CallTarget(
        "judge",
        default,
        prompt=_word(judge.get("prompt")),
        model=_word(judge.get("model")),
        endpoint=_word(judge.get("endpoint")),
        votes=votes if isinstance(votes, int) else None,
    )

    def inputs(value: Json, answer: AnswerView) -> JsonObject:
        return {**given, "output": _text(value), "input": _text(dict(answer.vars))}

    def decide(found: JsonObject) -> CallDecision:
        verdict = str(found.get("verdict"))
        if verdict == "unsure":
            return CallDecision(None, f"the judge is unsure: {reason_of(found)}")
        if verdict not in verdicts:
            return CallDecision(None, f"the judge said {show(found.get('verdict'))}")
        return CallDecision(verdicts[verdict], f"the verdict is {verdict}: {reason_of(found)}")

    return Ask(target, wanted, f"no {wanted.removeprefix('an ')}", inputs, decide)


def _similar(value: Json, keys: Mapping[str, Json]) -> Ask:
    texts = [str(each) for each in value] if isinstance(value, list) else [str(value)]
    least = keys["threshold"]
    assert isinstance(least, int | float), "its schema says so"
    if not least:
        raise SpecError("every text is similar enough, so it can never fail", None, ("threshold",))
    named = keys.get("same", ())
    same = [str(each) for each in named] if isinstance(named, list) else []
    dimensions = keys.get("dimensions")
    target = CallTarget(
        "embeddings",
        model=_word(keys.get("model")),
        endpoint=_word(keys.get("endpoint")),
        dimensions=dimensions if isinstance(dimensions, int) else None,
    )

    def alike(came: Json) -> list[str]:
        return [text for text in texts if not _differs(_text(came), text, same)]

    def settle(came: Json) -> CallDecision | None:
        if not _text(came).strip():
            return CallDecision(False, "the text is empty")  # noqa: FBT003
        if alike(came):
            return None
        return CallDecision(False, _differs(_text(came), texts[0], same) or "")  # noqa: FBT003

    def decide(found: JsonObject) -> CallDecision:
        scores = found.get("scores")
        if not isinstance(scores, list) or not scores:
            return CallDecision(None, "there is no similarity")
        score = round(max(float(str(each)) for each in scores), 2)
        return CallDecision(score >= least, f"the similarity is {score:.2f}")

    wanted = f"{least:g} or more similarity to {show(texts[0]) if len(texts) == 1 else f'one of {len(texts)} texts'}"
    return Ask(
        target,
        f"a text of {wanted}",
        f"a text of less than {wanted}",
        lambda came, _: {"input": [_text(came), *alike(came)]},
        decide,
        settle,
    )


def _differs(came: str, text: str, same: Sequence[str]) -> str | None:
    """Return what differs between two texts of what must be the same; None if nothing does."""
    if "numbers" in same and numbers(came) != numbers(text):
        return f"its numbers are {_listed(numbers(came))}, not {_listed(numbers(text))}"
    if "negation" in same and negations(came) % 2 != negations(text) % 2:
        return "one text negates what the other says"
    return None


def _listed(found: Counter[float]) -> str:
    return ", ".join(f"{each:g}" for each in sorted(found.elements())) or "none"


ASKERS: Mapping[str, Asker] = {
    "llm-rubric": _rubric,
    "closed-qa": _closed_qa,
    "factuality": _factuality,
    "g-eval": _g_eval,
    "similar": _similar,
    "moderation": _moderation,
}
"""How each type that asks something asks it."""


def _word(value: Json) -> str | None:
    return value if isinstance(value, str) else None


def _or(words: Sequence[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _text(value: Json) -> str:
    """Return a text as it is, any other value as canonical JSON."""
    return value if isinstance(value, str) else canonical(value).decode()

"""Assertions that cost a call: what they ask, and how the answer decides them. Pure: nothing is sent here.

Such an assertion is decided in two steps. `CompiledAssertion.asked` prepares a `CallQuestion` for each value that it checks;
when the answers are found, in this run or beside the approved answer, they decide it. What could not be checked is
neither a pass nor a failure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from ..canonical import canonical
from ..files.assertion_types import RELATIONS
from ..files.moderation_categories import CATEGORIES, DEFAULT_MODEL, is_of_openai
from ..files.violations import near
from ..schema import show
from ..values import Json, JsonObject
from .predicates import SpecError

if TYPE_CHECKING:
    from .assertions import AnswerView

__all__ = [
    "ASKERS",
    "Ask",
    "CallDecision",
    "CallQuestion",
    "CallTarget",
    "Find",
    "Found",
    "combined",
    "value_of",
]

CallKind: TypeAlias = Literal["judge", "moderations", "embeddings"]


@dataclass(frozen=True, slots=True)
class CallTarget:
    """Whom an assertion asks, as its author wrote it; what is None is decided by the project.

    `default` is the judge of the assertion's type, `prompt` another one: a reference such as `judges:rubric`, or a path from
    the prompt's folder.
    """

    operation: CallKind
    default: str | None = None
    prompt: str | None = None
    model: str | None = None
    endpoint: str | None = None
    votes: int | None = None
    dimensions: int | None = None


class CallQuestion(NamedTuple):
    """One question about one answer: whom to ask, and the variables of the judge or the fields of the request."""

    target: CallTarget
    inputs: JsonObject


class Found(NamedTuple):
    """The answer to a question. `value` is what decides, `problem` says why it decides nothing.

    `request` is the fingerprint of the call, `by` the judge or the operation, `model` the model that was asked; `cost` is
    in US dollars, None if unknown or if nothing was paid.
    """

    value: JsonObject
    request: str
    by: str
    model: str
    problem: str | None = None
    cost: float | None = None

    def as_json(self) -> dict[str, Json]:
        """Return it in the form in which it stands in records."""
        known = {"prompt": self.by, "request": self.request, "model": self.model, **self.value}
        return known if self.cost is None else {**known, "cost": self.cost}


Find: TypeAlias = Callable[[CallQuestion], Found | None]
"""Finds the answer to a question; None if it has not been asked yet."""


class CallDecision(NamedTuple):
    """Whether the assertion holds (None: undecided), and what was found, as in "expected ..., but {found}"."""

    holds: bool | None
    found: str


@dataclass(frozen=True, slots=True)
class Ask:
    """How one assertion asks: the fields of its question about a value, and what the answer decides."""

    target: CallTarget
    wanted: str
    unwanted: str
    inputs: Callable[[Json, AnswerView], JsonObject]
    decide: Callable[[JsonObject], CallDecision]


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
            return CallDecision(None, f"the judge is unsure: {_reason(found)}")
        return CallDecision(score >= least, f"the score is {score:.2g}: {_reason(found)}")

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
            return CallDecision(None, f"the judge is unsure: {_reason(found)}")
        if verdict not in verdicts:
            return CallDecision(None, f"the judge said {show(found.get('verdict'))}")
        return CallDecision(verdicts[verdict], f"the verdict is {verdict}: {_reason(found)}")

    return Ask(target, wanted, f"no {wanted.removeprefix('an ')}", inputs, decide)


def _reason(found: JsonObject) -> str:
    votes = found.get("votes")
    counted = (
        f" ({', '.join(f'{word}: {count}' for word, count in votes.items())})"
        if isinstance(votes, Mapping)
        else ""
    )
    reason = found.get("reason")
    return f"{reason if isinstance(reason, str) and reason else 'it gives no reason'}{counted}"


def value_of(operation: str, output: Json) -> JsonObject:
    """Return the part of the answer to a call that decides. Raises ValueError if it does not have it."""
    if not isinstance(output, Mapping):
        raise ValueError("it is not an object")
    if operation != "judge":
        return output
    kept = {name: output[name] for name in ("verdict", "score", "reason") if name in output}
    score = kept.get("score")
    if isinstance(score, int | float) and not isinstance(score, bool):
        if not 0 <= score <= _MOST:
            raise ValueError(f"the score {score:g} is not between 0 and {_MOST}")
        kept["score"] = score / _MOST
    elif "verdict" not in kept and score is not None:
        raise ValueError(f"the score is {show(score)}")
    if not kept.keys() & {"verdict", "score"}:
        raise ValueError("it has no verdict")
    return kept


_MOST = 10
"""The highest score that a judge gives."""


def combined(values: Sequence[JsonObject], problems: Sequence[str]) -> tuple[JsonObject, str | None]:
    """Return what the votes of one call say together, or the problem if none decides.

    The verdict is that of more than half of all votes, also of those that decide nothing; a score is the mean of the
    votes, if more than half have one.
    """
    asked = len(values) + len(problems)
    if not values:
        return {}, problems[0]
    if asked == 1:
        return values[0], None
    if scores := [each for value in values if isinstance(each := value.get("score"), int | float)]:
        votes: JsonObject = {
            "scored": len(scores),
            **({"unsure": asked - len(scores)} if asked > len(scores) else {}),
        }
        first = next(value for value in values if value.get("score") is not None)
        mean = fmean(scores) if len(scores) * 2 > asked else None
        return {"score": mean, "reason": _reason(first), "votes": votes}, None
    counts = Counter(str(value.get("verdict", "unsure")) for value in values)
    if problems:
        counts["none"] = len(problems)
    word, most = counts.most_common(1)[0]
    if most * 2 <= asked or word == "none":
        return {"verdict": "unsure", "reason": "the votes have no majority", "votes": dict(counts)}, None
    first = next(value for value in values if value.get("verdict") == word)
    return {"verdict": word, "reason": _reason(first), "votes": dict(counts)}, None


ASKERS: Mapping[str, Asker] = {
    "llm-rubric": _rubric,
    "closed-qa": _closed_qa,
    "factuality": _factuality,
    "g-eval": _g_eval,
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

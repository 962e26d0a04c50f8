"""Assertions that cost a call: what they ask, and how the answer decides them. Pure: nothing is sent here.

Such an assertion is decided in two steps. `CompiledAssertion.asked` prepares a `CallQuestion` for each value that it checks;
when the answers are found, in this run or beside the approved answer, they decide it. What could not be checked is
neither a pass nor a failure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from ..canonical import canonical
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

    `prompt` is the judge, a reference such as `judges:rubric` or a path from the prompt's folder.
    """

    operation: CallKind
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


def value_of(operation: str, output: Json) -> JsonObject:
    """Return the part of the answer to a call that decides. Raises ValueError if it does not have it."""
    if not isinstance(output, Mapping):
        raise ValueError("it is not an object")
    return output


def combined(values: Sequence[JsonObject], problems: Sequence[str]) -> tuple[JsonObject, str | None]:
    """Return what the votes of one call say together, or the problem if none decides."""
    if not values:
        return {}, problems[0]
    return values[0], None


ASKERS: Mapping[str, Asker] = {"moderation": _moderation}
"""How each type that asks something asks it."""


def _word(value: Json) -> str | None:
    return value if isinstance(value, str) else None


def _or(words: Sequence[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _text(value: Json) -> str:
    """Return a text as it is, any other value as canonical JSON."""
    return value if isinstance(value, str) else canonical(value).decode()

"""Assertions that cost a call: what they ask, and how the answer decides them. Pure: nothing is sent here.

Such an assertion is decided in two steps. `CompiledAssertion.asked` prepares a `CallQuestion` for each value that it checks;
when the answers are found, in this run or beside the approved answer, they decide it. What could not be checked is
neither a pass nor a failure.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from ..schema import show
from ..values import Json, JsonObject

if TYPE_CHECKING:
    from .assertions import AnswerView

__all__ = [
    "Ask",
    "CallDecision",
    "CallQuestion",
    "CallTarget",
    "Find",
    "Found",
    "combined",
    "reason_of",
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
    settle: Callable[[Json], CallDecision | None] = lambda _: None
    """Decides about a value for which no call is needed."""


def reason_of(found: JsonObject) -> str:
    """Return the reason of a judge, with the votes if there were several."""
    votes = found.get("votes")
    counted = (
        f" ({', '.join(f'{word}: {count}' for word, count in votes.items())})"
        if isinstance(votes, Mapping)
        else ""
    )
    reason = found.get("reason")
    return f"{reason if isinstance(reason, str) and reason else 'it gives no reason'}{counted}"


def _cosines(output: Mapping[str, Json]) -> JsonObject:
    """Return the cosines of the first vector and the others, with four decimals."""
    if "scores" in output:
        return output
    vectors: Any = output.get("vectors")
    if not isinstance(vectors, list) or len(vectors) < 2:
        raise ValueError("it does not have a vector for each text")
    first, *others = vectors
    length = math.hypot(*first)
    return {
        "scores": [
            round(
                math.fsum(a * b for a, b in zip(first, each, strict=True)) / (length * math.hypot(*each)), 4
            )
            for each in others
        ]
    }


def value_of(operation: str, output: Json) -> JsonObject:
    """Return the part of the answer to a call that decides. Raises ValueError if it does not have it."""
    if not isinstance(output, Mapping):
        raise ValueError("it is not an object")
    if operation == "embeddings":
        return _cosines(output)
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
        from statistics import fmean  # only for scores: the import takes a while

        mean = fmean(scores) if len(scores) * 2 > asked else None
        return {"score": mean, "reason": reason_of(first), "votes": votes}, None
    counts = Counter(str(value.get("verdict", "unsure")) for value in values)
    if problems:
        counts["none"] = len(problems)
    word, most = counts.most_common(1)[0]
    if most * 2 <= asked or word == "none":
        return {"verdict": "unsure", "reason": "the votes have no majority", "votes": dict(counts)}, None
    first = next(value for value in values if value.get("verdict") == word)
    return {"verdict": word, "reason": reason_of(first), "votes": dict(counts)}, None

"""Select the cases of a run: a prompt's own tests, given variables, or the rows of a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import islice
from typing import TYPE_CHECKING

from ...errors import Location, NothingSelectedError, close_to, did_you_mean
from ...files.cases import case_from_vars, cases_from_file, cases_of, vars_from_text
from ...files.model import Case, CaseFile
from ...values import Json
from .job import Unit

if TYPE_CHECKING:
    from .sampling import Condition, Draw

__all__ = ["Selection"]

_MAGIC = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Selection:
    """`variables` or `rows` replace the prompts' own tests if given; all other fields narrow the selection.

    `ids` are ids of cases, or globs. `given` is a single case that is already loaded. `texts` are variables from the
    command line, which are converted to the types of the prompt's inputs. A tag selects a case that has it, and every
    case of a prompt that has it. `only` are the cases to choose from, each with its prompt's place; None for all. From a
    prompt's cases that match `only`, `ids`, `tags` and `where`, `draw` takes a random sample and `limit` the first ones.
    """

    ids: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    variables: Mapping[str, Json] | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    variables_from: Location = field(default_factory=lambda: Location("--var"))
    rows: CaseFile | None = None
    given: Case | None = None
    where: Condition | None = None
    draw: Draw | None = None
    limit: int | None = None
    only: frozenset[tuple[str, str]] | None = None

    @property
    def _globs(self) -> list[str]:
        return [name for name in self.ids if not _MAGIC.isdisjoint(name)]

    @property
    def takes_tests(self) -> bool:
        """Whether the cases are the prompts' own tests."""
        return self.variables is None and self.rows is None and self.given is None

    @property
    def takes_all(self) -> bool:
        """Whether all available cases are selected."""
        narrowed = self.ids or self.tags or self.where or self.draw
        return not narrowed and self.limit is None and self.only is None

    def cases(self, unit: Unit) -> Iterator[Case]:
        """Yield the selected cases of one unit. Raises CaseError at the row or value that is wrong."""
        cases = self._matching(unit)
        if self.draw is not None:
            self.draw.of(unit.prompt.path, self._matching(unit))
            cases = self.draw.drawn(unit.prompt.path, cases)
        return islice(cases, self.limit)

    def _matching(self, unit: Unit) -> Iterator[Case]:
        for case in self._offered(unit):
            tagged = not self.tags or not self.tags.isdisjoint((*unit.prompt.tags, *case.tags))
            if (
                tagged
                and (not self.ids or self._is_named(case.id))
                and (self.only is None or (unit.prompt.place, case.id) in self.only)
                and (self.where is None or self.where.holds(case))
            ):
                yield case

    def _is_named(self, name: str) -> bool:
        """Return whether an id is one of `ids`, or matches one that is a glob."""
        return name in self.ids or any(fnmatchcase(name, each) for each in self._globs)

    def _offered(self, unit: Unit) -> Iterator[Case]:
        prompt = unit.prompt
        if self.given is not None:
            yield self.given
        elif self.variables is not None:
            typed = vars_from_text(prompt, self.texts, location=Location("--var"))
            yield case_from_vars(prompt, {**self.variables, **typed}, location=self.variables_from)
        elif self.rows is not None:
            rows = cases_from_file(prompt, self.rows, repeats_allowed=True)
            yield from map(unit.carry_columns, rows)
        elif prompt.tests:
            yield from map(unit.carry_columns, cases_of(prompt))
        elif not unit.required:
            # A prompt without tests and without required variables has one case, without variables.
            yield case_from_vars(prompt, {}, location=prompt.locate())

    def explain_nothing(self, units: Sequence[Unit]) -> NothingSelectedError:
        """Return the error that explains why no case was selected, and what to type instead."""
        offered = [case.id for unit in units for case in self._offered(unit)]
        if self.rows is not None and not offered:
            return NothingSelectedError(f"nothing to run: {self.rows.shown} has no rows")
        if not offered:
            unit = units[0]
            needed = " ".join(f"--var {name}=…" for name in sorted(unit.required))
            return NothingSelectedError(
                f"nothing to run: {unit.prompt.path} has no tests and needs {', '.join(sorted(unit.required))}",
                hint=f"add tests to the prompt; `runner run` also takes {needed}, or --input ROWS",
            )
        wanted = [
            *(f"--case {name}" for name in sorted(self.ids)),
            *(f"--tag {tag}" for tag in sorted(self.tags)),
            *(["--failed"] if self.only is not None else []),
            *([f"--where {self.where.source!r}"] if self.where else []),
        ]
        close = [near for name in sorted(self.ids) for near in close_to(name, offered, 3)]
        hint = (
            did_you_mean(*dict.fromkeys(close))
            if close
            else f"there are {len(offered)} cases, such as {offered[0]}"
        )
        return NothingSelectedError(f"nothing to run: no case matches {' '.join(wanted)}", hint=hint)

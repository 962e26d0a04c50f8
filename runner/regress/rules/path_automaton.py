"""Follow many paths down a value at once: a finite automaton, built lazily.

Testing each path at each place would cost the product of their numbers; here a step costs one dictionary lookup.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...checks.jsonpath import Path

__all__ = ["PathAutomaton", "automaton_of"]


class PathAutomaton:
    """The state of all paths at one place.

    `selecting` are the indexes of the paths that select this very place, strongest first: the most specific, and of
    equally specific ones the last. `continues`: some may select a place further down.
    """

    __slots__ = ("_automaton", "_following", "_states", "continues", "selecting")

    def __init__(self, automaton: _Automaton, states: tuple[tuple[int, int], ...]) -> None:
        paths = automaton.paths
        here = [index for index, taken in states if taken == len(paths[index].segments)]
        self.selecting = tuple(
            sorted(here, key=lambda index: (paths[index].specificity, index), reverse=True)
        )
        self.continues = len(here) < len(states)
        self._automaton = automaton
        self._states = states
        self._following: dict[object, PathAutomaton] = {}

    def follow(self, step: str | int, length: int | None = None) -> PathAutomaton:
        """Return the state one step further down; `length` is the length of the list that `step` indexes."""
        if not self.continues:
            return self._automaton.nowhere
        # Steps that no path names share one state, so the number of different keys in answers costs no memory.
        named = self._automaton.named
        key: object = step if step in named else type(step)
        if isinstance(step, int) and length is not None and step - length in named:
            key = (key, step - length)
        following = self._following.get(key)
        if following is None:
            following = self._following[key] = self._automaton.node(self._step(step, length))
        return following

    def _step(self, step: str | int, length: int | None) -> tuple[tuple[int, int], ...]:
        states: dict[tuple[int, int], None] = {}
        for index, taken in self._states:
            segments = self._automaton.paths[index].segments
            if taken < len(segments):
                if segments[taken].descendant:
                    states[index, taken] = None
                if segments[taken].takes(step, length):
                    states[index, taken + 1] = None
        return tuple(states)


class _Automaton:
    """The data shared by all states of a set of paths. `named` are the steps that any of the paths names."""

    __slots__ = ("_nodes", "named", "nowhere", "paths")

    def __init__(self, paths: Sequence[Path]) -> None:
        selectors = {segment.selector for path in paths for segment in path.segments}
        # A step of a JSON Pointer such as "0" may be an index in a list.
        indexes = {int(each) for each in selectors if isinstance(each, str) and each.isdecimal()}
        self.paths = tuple(paths)
        self.named = frozenset(selectors | indexes)
        self._nodes: dict[tuple[tuple[int, int], ...], PathAutomaton] = {}
        self.nowhere = self.node(())

    def node(self, states: tuple[tuple[int, int], ...]) -> PathAutomaton:
        found = self._nodes.get(states)
        if found is None:
            found = self._nodes[states] = PathAutomaton(self, states)
        return found


def automaton_of(paths: Sequence[Path]) -> PathAutomaton:
    """Return the state of the paths at the root of any value."""
    return _Automaton(paths).node(tuple((index, 0) for index in range(len(paths))))

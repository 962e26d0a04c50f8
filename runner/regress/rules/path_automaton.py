"""Many paths followed at once on the way down a value: a finite automaton, built as far as values have led.

Asking each path about each place would cost their product; here a step costs one look into a dictionary.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...checks.jsonpath import Path

__all__ = ["Reach", "reach"]


class Reach:
    """How far the paths have come at one place.

    `selecting` are those that select this very place, by index, the strongest first: the most specific, of equals the
    last. `continues`: some may select a place further down.
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
        self._following: dict[object, Reach] = {}

    def follow(self, step: str | int, length: int | None = None) -> Reach:
        """How far they have come one step further down; `length` is that of the list in which `step` counts."""
        if not self.continues:
            return self._automaton.nowhere
        # Steps that no path names lead to the same place, so that the keys of answers fill no memory.
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
    """What all places of one set of paths share. `named` are the steps that any of the paths names."""

    __slots__ = ("_nodes", "named", "nowhere", "paths")

    def __init__(self, paths: Sequence[Path]) -> None:
        selectors = {segment.selector for path in paths for segment in path.segments}
        # A step of a JSON Pointer, "0", is an index in a list.
        indexes = {int(each) for each in selectors if isinstance(each, str) and each.isdecimal()}
        self.paths = tuple(paths)
        self.named = frozenset(selectors | indexes)
        self._nodes: dict[tuple[tuple[int, int], ...], Reach] = {}
        self.nowhere = self.node(())

    def node(self, states: tuple[tuple[int, int], ...]) -> Reach:
        found = self._nodes.get(states)
        if found is None:
            found = self._nodes[states] = Reach(self, states)
        return found


def reach(paths: Sequence[Path]) -> Reach:
    """Where the paths stand at the root of any value."""
    return _Automaton(paths).node(tuple((index, 0) for index in range(len(paths))))

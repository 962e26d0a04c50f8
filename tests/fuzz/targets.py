"""All targets by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from runner.values import Json

from . import of_files, of_imports, of_others, of_wire
from .mutate import Mutator
from .seeds import kept
from .target import Target

__all__ = ["TARGETS", "mutator"]

TARGETS: Mapping[str, Target] = {
    target.name: target
    for target in (*of_files.TARGETS, *of_wire.TARGETS, *of_others.TARGETS, *of_imports.TARGETS)
}


@cache
def mutator(name: str) -> Mutator:
    """What makes the inputs of a target: of its seeds, and of the cases that were found before."""
    target = TARGETS[name]
    seeds = list(dict.fromkeys([*target.seeds(), *kept(name).values()]))
    return Mutator(seeds, _values(target, seeds), target.compose)


def _values(target: Target, seeds: list[bytes]) -> Iterator[Json]:
    if target.compose is None:
        return
    yield from of_files.values_of(tuple(seeds))
    if target.name == "journal":
        yield from of_files.values_of(tuple(line for seed in seeds for line in seed.splitlines()))

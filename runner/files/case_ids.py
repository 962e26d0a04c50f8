"""The ids of cases: unique, stable when rows move, and cheap to store for very many rows."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from ..canonical import canonical
from ..errors import CaseError, Location
from ..values import Json
from .model import Case

__all__ = ["CaseIds", "case_id", "digest_of"]


def digest_of(vars: Mapping[str, Json]) -> str:  # noqa: A002 - the field's own word
    """Return the SHA-256 of the variables' RFC 8785 form, in hex. Raises ValueError if they have no such form."""
    return sha256(canonical(vars)).hexdigest()


def case_id(vars: Mapping[str, Json]) -> str:  # noqa: A002 - the field's own word
    """Return the id of a case that declares none: `case-` and the first 8 hex digits of its variables' digest."""
    return f"case-{digest_of(vars)[:8]}"


class CaseIds:
    """The ids assigned so far.

    Each case takes one small integer entry: a hundred thousand rows take about 15 MB. With `repeats_allowed`, rows with
    the same variables are interchangeable and are numbered (`case-1a2b3c4d-2`); otherwise the second one is an error.
    """

    __slots__ = ("_paths", "_repeats", "_repeats_allowed", "_taken")

    def __init__(self, *, repeats_allowed: bool = False) -> None:
        self._repeats_allowed = repeats_allowed
        self._paths: list[str] = []
        # hash of the id -> its place and, above _PLACE bits, 64 bits of the digest that it was made from.
        self._taken: dict[int, int] = {}
        self._repeats: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._taken)

    @property
    def repeats_allowed(self) -> bool:
        """Whether rows with the same variables are allowed, as in an `--input`."""
        return self._repeats_allowed

    def claim(self, case: Case, label: str) -> Case:
        """Return the case with a unique id; `label` is its name in messages ("row 3").

        Raises CaseError, which names both places, if the id is taken (ids are lower case, so no two differ only in case)
        or, unless repeats are allowed, if a case without an id has the same variables as an earlier one.
        """
        if case.digest is None:
            return self._claim(case, case.id, 0, label)
        mark = int(case.digest[:16], 16)
        for length in (8, 16):  # of a hundred thousand sets of variables, two may well share 8 hex digits
            name = f"case-{case.digest[:length]}"
            entry = self._taken.get(hash(name))
            if entry is None:
                return self._claim(case, name, mark, label)
            if entry >> _PLACE == mark:
                return self._repeat(case, name, label)
        return self._claim(case, name, mark, label)

    def _repeat(self, case: Case, name: str, label: str) -> Case:
        if not self._repeats_allowed:
            first = self._location(self._taken[hash(name)])
            raise CaseError(
                f"{label} has the same variables as {first}",
                location=case.location,
                hint="remove one of them, or give both an id",
            )
        count = self._repeats.get(hash(name), 1) + 1
        self._repeats[hash(name)] = count
        return self._claim(case, f"{name}-{count}", 0, label)

    def _claim(self, case: Case, name: str, mark: int, label: str) -> Case:
        entry = self._taken.get(hash(name))
        if entry is not None:
            raise CaseError(
                f'{label}: the id "{name}" is already used at {self._location(entry)}',
                location=case.location,
                hint="snapshots and results are stored by id: choose another one",
            )
        self._taken[hash(name)] = (mark << _PLACE) | self._place(case.location)
        return case if case.id == name else case._replace(id=name)

    def _place(self, location: Location) -> int:
        if not self._paths or self._paths[-1] != location.path:
            self._paths.append(location.path)
        column = min(location.column or 0, _COLUMNS)
        return ((len(self._paths) - 1) << 56) | ((location.line or 0) << 20) | column

    def _location(self, entry: int) -> Location:
        place = entry & ((1 << _PLACE) - 1)
        return Location(
            self._paths[place >> 56], (place >> 20) & ((1 << 36) - 1) or None, place & _COLUMNS or None
        )


_PLACE = 80
_COLUMNS = (1 << 20) - 1

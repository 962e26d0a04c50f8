"""Validate values against a schema that is compiled once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256

from jsonschema.exceptions import ValidationError, best_match

from ..matching import TooSlowError
from ..values import Json, JsonPath
from .draft_versions import Draft, check_form, draft_of, exact_draft
from .problem import SchemaProblem
from .references import check_references
from .shortcut import Shortcut
from .wording import json_path, message_of

__all__ = ["Validator", "Violation"]

# anyOf and oneOf explain less than any other keyword that fails at the same place.
_WEAK = {"anyOf", "oneOf"}


@dataclass(frozen=True, slots=True)
class Violation:
    """One violation of a schema: the place in the value, and the keyword.

    `json_path` is `path` as JSONPath ("$.items[0].score"); `message` says what was expected and what was found.
    """

    path: JsonPath
    json_path: str
    keyword: str
    message: str


class Validator:
    """A JSON Schema, checked against its meta-schema and compiled once.

    Raises SchemaProblem if `schema` is not a JSON Schema, names an unknown draft, has a `$ref` that does not resolve
    inside it, or refers to itself without ever reaching a smaller value. Unknown formats are annotations, as specified
    by JSON Schema (Validation, section 7.2.1).
    """

    __slots__ = ("_draft", "_shortcut")

    def __init__(self, schema: Json) -> None:
        cls = draft_of(schema)
        try:
            _check_schema(schema, cls)
        except RecursionError:
            raise SchemaProblem((), "the schema is nested too deeply") from None
        self._draft = exact_draft(cls, schema)
        self._shortcut = Shortcut(schema)

    def check(self, value: Json) -> tuple[Violation, ...]:
        """Return all violations, the most informative first (nearest the root, then by path); () if `value` is valid."""
        if self._shortcut.knows_valid(value):
            return ()
        try:
            found = [_violation(error) for error in self._draft.iter_errors(value)]
        except RecursionError:
            message = "the value is nested too deeply to be checked"
            return (Violation((), "$", "depth", message),)
        except TooSlowError as error:
            # Anywhere in the schema: inside a `not`, a pattern that counts as unmatched would make a value valid.
            return (Violation((), "$", "pattern", f"a pattern of the schema {error}"),)
        return tuple(sorted(found, key=lambda each: (len(each.path), each.keyword in _WEAK, each.path)))


_SOUND: set[bytes] = set()
"""Digests of valid schemas: the loader and the judge of a prompt check the same schema, and so does each revision."""

_MOST_SOUND = 1024


def _check_schema(schema: Json, cls: type[Draft]) -> None:
    digest = sha256(json.dumps(schema).encode()).digest()
    if digest in _SOUND:
        return
    check_form(schema, cls)
    check_references(schema, cls)
    if len(_SOUND) >= _MOST_SOUND:
        _SOUND.clear()
    _SOUND.add(digest)


def _violation(error: ValidationError) -> Violation:
    # Inside anyOf and oneOf, the branch that comes closest explains more than "none of them matches".
    telling = best_match([error]) or error
    path: JsonPath = tuple(telling.absolute_path)
    return Violation(path, json_path(path), str(telling.validator or "false"), message_of(telling))

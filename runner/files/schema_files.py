"""Read JSON Schemas from files and check that they are valid."""

from __future__ import annotations

from collections.abc import Mapping

from ..documents.documents import Document, parse_document
from ..errors import Location, SchemaError
from ..schema import SchemaProblem, Validator, show, vacuity, wrapper
from ..values import Json, JsonPath
from .disk.tree import Tree

__all__ = ["check_answer_schema", "check_schema", "read_schema_file"]


def read_schema_file(file: str, tree: Tree, location: Location | None = None) -> Document:
    """Read the file of a schema, which must be an object; `location` is the place that names it. Raises a FileError."""
    document = parse_document(tree.read(file, location=location), tree.shown(file))
    if not isinstance(document.value, Mapping):
        raise SchemaError(
            f"a schema is an object, not {show(document.value, 40)}",
            location=document.locate(()),
            hint='begin with {"type": "object", ...}',
        )
    return document


def check_schema(value: Json, document: Document, at: JsonPath = ()) -> None:
    """Raise SchemaError if the value at a place of a document is not a JSON Schema."""
    try:
        Validator(value)
    except SchemaProblem as problem:
        location = document.locate((*at, *problem.path))
        raise SchemaError(f"this is not a valid JSON Schema: {problem.message}", location=location) from None


def check_answer_schema(value: Json, document: Document, at: JsonPath = ()) -> None:
    """Do the same for a schema that answers are validated against: one that accepts everything is a SchemaError too."""
    nothing = wrapper(value)
    if nothing is None:
        check_schema(value, document, at)
        nothing = vacuity(value)
    if nothing is not None:
        raise SchemaError(nothing.message, location=document.locate(at), hint=nothing.hint)

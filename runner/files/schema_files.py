"""A JSON Schema in a file: read, and held to be one."""

from __future__ import annotations

from collections.abc import Mapping

from ..documents.documents import Document, parse_document
from ..errors import Location, SchemaError
from ..schema import SchemaProblem, Validator, show, vacuity
from ..values import Json, JsonPath
from .tree import Tree

__all__ = ["check_answer_schema", "check_schema", "read_schema_file"]


def read_schema_file(file: str, tree: Tree, location: Location | None = None) -> Document:
    """The file of a schema, which is an object; `location` is where it is named. Raises a FileError."""
    document = parse_document(tree.read(file, location=location), tree.shown(file))
    if not isinstance(document.value, Mapping):
        raise SchemaError(
            f"a schema is an object, not {show(document.value, 40)}",
            location=document.locate(()),
            hint='begin with {"type": "object", ...}',
        )
    return document


def check_schema(value: Json, document: Document, at: JsonPath = ()) -> None:
    """Raise SchemaError where the value at a place of a document is not a JSON Schema."""
    try:
        Validator(value)
    except SchemaProblem as problem:
        location = document.locate((*at, *problem.path))
        raise SchemaError(f"this is not a valid JSON Schema: {problem.message}", location=location) from None


def check_answer_schema(value: Json, document: Document, at: JsonPath = ()) -> None:
    """`check_schema` for what answers are held against: a schema that refuses nothing is a SchemaError too."""
    check_schema(value, document, at)
    if nothing := vacuity(value):
        raise SchemaError(nothing.message, location=document.locate(at), hint=nothing.hint)

"""Implement `runner schema`: print the JSON Schema of one of runner's file formats."""

from __future__ import annotations

from typing import Literal

from ..files.formats import schema_text
from ..report.terminal.outlet import print_data

__all__ = ["show_schema"]


def show_schema(name: Literal["prompt", "project", "pack"]) -> int:
    """Print the schema file of the package, and return 0."""
    print_data(schema_text(name).removesuffix("\n"))
    return 0

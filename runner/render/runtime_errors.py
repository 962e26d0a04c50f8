"""Explain errors inside a running template: the line, and a message for its author."""

from __future__ import annotations

import re
from types import TracebackType

from jinja2 import TemplateError as JinjaError
from jinja2 import UndefinedError

from .limits import NO_MEMORY, RefusedError
from .message_words import KINDS

__all__ = ["RUNTIME_ERRORS", "explain", "place_of"]

RUNTIME_ERRORS = (
    RefusedError,
    JinjaError,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)
"""The errors that a template can raise while it runs."""

_TYPE_NAME = re.compile(r"'?\b(" + "|".join(KINDS) + r")\b'?( objects?)?")


def explain(error: BaseException) -> tuple[str, str | None]:
    """Return one sentence about one of RUNTIME_ERRORS, and a hint or None."""
    if isinstance(error, RefusedError):
        return error.message, error.hint
    if isinstance(error, UndefinedError) and "did you mean" not in str(error):
        return str(error), "use `is defined` or `| default(...)` for values that may be missing"
    if isinstance(error, OverflowError) and "Range too big" in str(error):
        return "range has at most 100,000 items", None
    if isinstance(error, RecursionError):
        return "the template calls itself too deeply, or a value is nested too deeply", None
    if isinstance(error, MemoryError):
        return f"the template {NO_MEMORY}", None
    if isinstance(error, JinjaError | ArithmeticError):
        return str(error).rstrip("."), None
    return f"this does not work with these values: {_TYPE_NAME.sub(_kind, str(error))}", None


def _kind(found: re.Match[str]) -> str:
    return KINDS[found[1]]


def place_of(error: BaseException) -> tuple[str, int] | None:
    """Return the name of the innermost template that was running, and its line; None outside of templates.

    The frames of compiled templates refer to the template, which maps each line of code to a line of its text.
    """
    place = None
    trace = error.__traceback__
    while trace is not None:
        template = trace.tb_frame.f_globals.get("__jinja_template__")
        if template is not None:
            place = template.name, template.get_corresponding_lineno(_line(trace))
        trace = trace.tb_next
    return place


def _line(trace: TracebackType) -> int:
    """Return the line that was running; if a signal arrived at an instruction without a line, the line before it."""
    line: int | None = trace.tb_lineno  # may be None, whatever its annotation says
    code = trace.tb_frame.f_code
    for start, _, of_instruction in code.co_lines() if line is None else ():
        if start <= trace.tb_lasti and of_instruction is not None:
            line = of_instruction
    return line or code.co_firstlineno

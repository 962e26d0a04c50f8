"""The sandbox in which templates run: Jinja's immutable one, closed further, with JSON values inside it.

Jinja's sandbox guards Python's internals but lets a template call every public method of its values, and multiply text
until memory runs out. Here a template can use only the methods, filters and tests listed in `filters`, and only three
functions: `range`, `dict` and `namespace`. There is no clock, no randomness and no environment in it, so the same values
always give the same text.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from operator import mod, mul
from typing import Any, Literal

from jinja2 import BaseLoader, StrictUndefined, Template
from jinja2.environment import TemplateModule
from jinja2.exceptions import SecurityError
from jinja2.ext import LoopControlExtension
from jinja2.runtime import BlockReference, Context, LoopContext, Macro, TemplateReference
from jinja2.sandbox import ImmutableSandboxedEnvironment, safe_range
from jinja2.utils import Namespace, missing

from .comprehensions import PromptCodeGenerator
from .filters import FILTERS, METHODS, TESTS
from .limits import RefusedError, join_text, limit_integer, limit_items, limit_text
from .message_words import kind_of, suggestion
from .printing import text

__all__ = ["PromptEnvironment"]

_GLOBALS: Mapping[str, Any] = {"range": safe_range, "dict": dict, "namespace": Namespace}

_RUNTIME = (BlockReference, LoopContext, Macro, Namespace, TemplateModule, TemplateReference)


class Missing(StrictUndefined):
    """A missing value; using it raises UndefinedError with a sentence for the author."""

    @property
    def _undefined_message(self) -> str:
        name: object = self._undefined_name  # may also be an index, whatever its annotation says
        owner = self._undefined_obj
        if self._undefined_hint:
            return self._undefined_hint.rstrip(".")
        if owner is missing:
            return f"variable {name!r} has no value"
        if isinstance(owner, dict):
            return f"the object has no key {name!r}{suggestion(name, owner, start=', ')}"
        if isinstance(owner, (list, tuple, str)) and isinstance(name, int):
            return f"there is no index {name}: the length is {len(owner)}"
        return f"{name!r} does not exist in {kind_of(owner)}"


class FreshTemplate(Template):
    """A template whose module is created again for every import.

    Jinja keeps the module of an imported file between renderings, and with it the state of its macros; the second case
    would then see what the first one left behind.
    """

    def make_module(
        self,
        vars: dict[str, Any] | None = None,  # noqa: A002 - Jinja's signature
        shared: bool = False,  # noqa: FBT001, FBT002 - Jinja's signature
        locals: Mapping[str, Any] | None = None,  # noqa: A002 - Jinja's signature
    ) -> TemplateModule:
        """Run the file and keep its definitions; the length of its output is limited like that of a message."""
        context = self.new_context(vars, shared, locals)
        return TemplateModule(self, context, [join_text(self.root_render_func(context))])

    def _get_default_module(self, ctx: Context | None = None) -> TemplateModule:
        return self.make_module()


class PromptEnvironment(ImmutableSandboxedEnvironment):
    """Compiles and runs the templates of one prompt. `whitespace` is `template.whitespace` of the prompt file."""

    template_class = FreshTemplate
    code_generator_class = PromptCodeGenerator
    intercepted_binops = frozenset({"+", "*", "**", "%"})
    concat = staticmethod(join_text)

    def __init__(self, *, whitespace: Literal["trim", "raw"], loader: BaseLoader | None = None) -> None:
        super().__init__(
            undefined=Missing,
            autoescape=False,
            keep_trailing_newline=True,
            trim_blocks=whitespace == "trim",
            lstrip_blocks=whitespace == "trim",
            newline_sequence="\n",
            extensions=[LoopControlExtension],
            finalize=text,
            loader=loader,
            cache_size=0,
            optimized=False,  # see `syntax`
        )
        self.globals = dict(_GLOBALS)
        self.filters = dict(FILTERS)
        self.tests = dict(TESTS)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Evaluate `obj.attribute`: first a key of an object, then one of the allowed methods."""
        if isinstance(obj, dict) and attribute in obj:
            return obj[attribute]
        if isinstance(obj, _RUNTIME):
            return super().getattr(obj, attribute)
        if isinstance(obj, tuple) and attribute in getattr(obj, "_fields", ()):
            return getattr(obj, attribute)  # the `grouper` and `list` of `groupby`
        for kind, methods in METHODS.items():
            if isinstance(obj, kind) and attribute in methods:
                return partial(methods[attribute], obj)
        if attribute.startswith("_") or hasattr(obj, attribute):
            raise SecurityError(f"{attribute!r} of {kind_of(obj)} is not accessible to a template")
        return self.undefined(obj=obj, name=attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Evaluate `obj[argument]`: a key, an index or a slice, never a method."""
        try:
            found = obj[argument]
        except (TypeError, LookupError):
            if isinstance(obj, tuple) and isinstance(argument, str):
                return self.getattr(obj, argument)
            return self.undefined(obj=obj, name=argument)
        if isinstance(argument, slice):
            limit_items(len(found))
        return found

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Evaluate `+ * ** %` after checking how large the result will be. Raises RefusedError."""
        return _OPERATORS[operator](left, right)


def _add(left: Any, right: Any) -> Any:
    if isinstance(left, str) and isinstance(right, str):
        limit_text(len(left) + len(right))
    elif (
        (isinstance(left, str) or isinstance(right, str))
        and not isinstance(left, Missing)
        and not isinstance(right, Missing)
    ):
        raise RefusedError(f"`+` cannot add {kind_of(right)} to {kind_of(left)}", "join text with `~`")
    elif isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        limit_items(len(left) + len(right))
    return left + right


def _multiply(left: Any, right: Any) -> Any:
    if isinstance(left, int) and isinstance(right, int):
        limit_integer(left.bit_length() + right.bit_length())
    for sequence, times in ((left, right), (right, left)):
        if isinstance(times, int):
            if isinstance(sequence, str):
                limit_text(len(sequence) * times)
            elif isinstance(sequence, (list, tuple)):
                limit_items(len(sequence) * times)
    return mul(left, right)


def _power(left: Any, right: Any) -> Any:
    if isinstance(left, int) and isinstance(right, int):
        limit_integer(left.bit_length() * right)
    return left**right


def _modulo(left: Any, right: Any) -> Any:
    if isinstance(left, str):
        raise RefusedError("`%` does not format text here", "put the parts together with `~`")
    return mod(left, right)


_OPERATORS = {"+": _add, "*": _multiply, "**": _power, "%": _modulo}

"""The mistakes that are made: those of Cosmic Ray that a person could make, and ours for the tables it leaves alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import parso
from cosmic_ray.operators.operator import Operator
from cosmic_ray.operators.provider import OperatorProvider

__all__ = ["OPERATORS"]

Position = tuple[tuple[int, int], tuple[int, int]]

_FROM_COSMIC_RAY = (
    # The boundary, the opposite: of the seven ways to replace a comparison, those that are told from the others last.
    *(
        f"ReplaceComparisonOperator_{change}"
        for change in [
            "Lt_LtE",
            "Lt_GtE",
            "LtE_Lt",
            "LtE_Gt",
            "Gt_GtE",
            "Gt_LtE",
            "GtE_Gt",
            "GtE_Lt",
            "Eq_NotEq",
            "NotEq_Eq",
            "Is_IsNot",
            "IsNot_Is",
        ]
    ),
    *(
        f"ReplaceBinaryOperator_{change}"
        for change in [
            "Add_Sub",
            "Sub_Add",
            "Mul_Div",
            "Div_Mul",
            "FloorDiv_Mul",
            "Mod_FloorDiv",
            "LShift_RShift",
            "RShift_LShift",
            "BitAnd_BitOr",
            "BitOr_BitAnd",
        ]
    ),
    "ReplaceUnaryOperator_Delete_Not",
    "ReplaceUnaryOperator_USub_UAdd",
    "AddNot",
    "ReplaceTrueWithFalse",
    "ReplaceFalseWithTrue",
    "ReplaceAndWithOr",
    "ReplaceOrWithAnd",
    "ReplaceBreakWithContinue",
    "ReplaceContinueWithBreak",
    "ExceptionReplacer",
    "NumberReplacer",
    "ZeroIterationForLoop",
)


class _Ours(Operator):
    """An operator that finds its places with `_places`, and puts a new text into one of them."""

    def _places(self, node: Any) -> Iterator[tuple[Any, int, str]]:
        """Parent, index of the child, and the code that replaces it."""
        raise NotImplementedError

    def mutation_positions(self, node: Any) -> Iterator[Position]:
        for parent, index, _ in self._places(node):
            yield parent.children[index].start_pos, parent.children[index].end_pos

    def mutate(self, node: Any, index: int) -> Any:
        parent, child, code = list(self._places(node))[index]
        prefix = parent.children[child].get_first_leaf().prefix
        parent.children[child] = parso.parse(prefix + code)
        return node

    @classmethod
    def examples(cls) -> Sequence[Any]:
        return ()


class RemoveElement(_Ours):
    """A table lacks one of its elements."""

    def _places(self, node: Any) -> Iterator[tuple[Any, int, str]]:
        if node.type == "atom" and len(node.children) == 3 and node.children[0].value in "[{(":
            inside = node.children[1]
            if inside.type == "testlist_comp" and not _is_comprehension(inside):
                for index in range(0, len(inside.children), 2):
                    if inside.children[index].type != "star_expr":
                        yield inside, index, "*()"
            elif inside.type == "dictorsetmaker" and not _is_comprehension(inside):
                yield from self._of_braces(inside)

    @staticmethod
    def _of_braces(inside: Any) -> Iterator[tuple[Any, int, str]]:
        children = inside.children
        if ":" not in [getattr(child, "value", None) for child in children] and "**" not in [
            getattr(child, "value", None) for child in children
        ]:
            for index in range(0, len(children), 2):
                if children[index].type != "star_expr":
                    yield inside, index, "*()"
            return
        for index, child in enumerate(children):
            if getattr(child, "value", None) == ":":
                yield inside, index - 1, '"no such key"'


class ChangeWord(_Ours):
    """A name in quotes is another one. Texts for people (with a space in them) are held by golden files, not by this."""

    def _places(self, node: Any) -> Iterator[tuple[Any, int, str]]:
        for index, child in enumerate(getattr(node, "children", ())):
            if (
                child.type == "string"
                and re.fullmatch(r"[rb]*([\"'])[^\s\"']*\1", child.value)
                and not _is_in_a_table(child)
            ):
                quote = child.value[-1]
                yield node, index, f"{child.value[:-1]}XX{quote}"


class RemoveStatement(_Ours):
    """Something is not done: a call, or what it would have changed."""

    def _places(self, node: Any) -> Iterator[tuple[Any, int, str]]:
        if node.type != "simple_stmt":
            return
        statement = node.children[0]
        if _is_call(statement) or (
            statement.type == "expr_stmt"
            and (statement.children[0].type in ("power", "atom_expr") or _operator(statement) != "=")
        ):
            yield node, 0, "pass"


class SwapIn(_Ours):
    """`in` for `not in`, and the other way round."""

    def _places(self, node: Any) -> Iterator[tuple[Any, int, str]]:
        if node.type != "comparison":
            return
        for index, child in enumerate(node.children):
            if getattr(child, "value", None) == "in":
                yield node, index, "not in"
            elif child.type == "comp_op" and child.children[0].value == "not":
                yield node, index, "in"


class NegateCondition(_Ours):
    """The condition of a comprehension, turned round."""

    def _places(self, node: Any) -> Iterator[tuple[Any, int, str]]:
        if node.type == "comp_if":
            yield node, 1, f"not ({node.children[1].get_code().strip()})"


def _is_comprehension(node: Any) -> bool:
    return any(child.type in ("sync_comp_for", "comp_for") for child in node.children)


def _is_in_a_table(node: Any) -> bool:
    """`RemoveElement` takes it out already."""
    return node.parent.type in ("testlist_comp", "dictorsetmaker") and not _is_comprehension(node.parent)


def _is_call(node: Any) -> bool:
    if node.type == "await_expr":
        return True
    return (
        node.type in ("power", "atom_expr")
        and node.children[-1].type == "trailer"
        and node.children[-1].children[0].value == "("
    )


def _operator(statement: Any) -> str:
    second = statement.children[1]
    return str(getattr(second, "value", "="))


_provider = OperatorProvider()
OPERATORS: dict[str, Operator] = {
    **{name: _provider[name]() for name in _FROM_COSMIC_RAY},
    **{
        kind.__name__: kind()
        for kind in (RemoveElement, ChangeWord, RemoveStatement, SwapIn, NegateCondition)
    },
}

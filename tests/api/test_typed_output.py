"""`Result.parse`: the output as a pydantic model or a dataclass."""

from __future__ import annotations

import enum
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

import runner
from runner.api.typed_output import typed
from tests.faults import FaultServer, completion

from .prompts import loaded


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Item:
    name: str
    price: float = 0.0


@dataclass
class Order:
    id: int
    kind: Literal["new", "old"]
    items: list[Item]
    colour: Colour | None = None
    extra: dict[str, int] = field(default_factory=dict)
    pair: tuple[int, str] | None = None
    anything: Any = None
    either: int | float | str = ""


GOOD = {"id": 1, "kind": "new", "items": [{"name": "a", "price": 2}]}


def test_a_dataclass_gets_its_fields() -> None:
    order = typed(
        {**GOOD, "colour": "red", "extra": {"a": 1}, "pair": [1, "x"], "anything": [None], "either": 3}, Order
    )
    assert order == Order(1, "new", [Item("a", 2.0)], Colour.RED, {"a": 1}, (1, "x"), [None], 3)
    assert type(order.either) is int
    assert typed({"name": "a"}, Item) == Item("a", 0.0)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"id": "1"}, r'\$\.id is "1", not int'),
        ({"id": True}, r"\$\.id is true, not int"),
        ({"id": 1.0}, r"\$\.id is 1\.0, not int"),
        ({"kind": "other"}, r"\$\.kind is \"other\", not one of 'new', 'old'"),
        ({"items": [{"name": "a"}, {}]}, r"\$\.items\[1\]\.name is missing"),
        ({"items": [{"name": "a", "prize": 1}]}, r"\$\.items\[0\]\.prize is not a field of Item"),
        ({"items": {}}, r"\$\.items is \{\}, not an array"),
        ({"colour": "green"}, r"\$\.colour"),
        ({"pair": [1]}, r"\$\.pair has 1 items, not 2"),
        ({"extra": {"a": "x"}}, r"\$\.extra\.a is \"x\", not int"),
        ({"unknown": 1}, r"\$\.unknown is not a field of Order"),
    ],
)
def test_an_output_that_does_not_fit_is_an_error_with_its_path(change: dict[str, Any], said: str) -> None:
    with pytest.raises(runner.RunnerError, match=said):
        typed({**GOOD, **change}, Order)


def test_a_class_that_is_neither_is_refused() -> None:
    with pytest.raises(runner.RunnerError, match="dict is neither a pydantic model nor a dataclass"):
        typed({}, dict)


@dataclass
class WithBytes:
    data: bytes


def test_a_type_that_json_has_no_value_for_is_named() -> None:
    with pytest.raises(runner.RunnerError, match="bytes"):
        typed({"data": "x"}, WithBytes)


PROMPT = """
model: m
messages: [{role: user, content: json}]
response_format:
  type: json_schema
  json_schema: {name: item, schema: {type: object, properties: {name: {type: string}}, required: [name]}}
"""


def test_parse_reads_a_pydantic_model(tmp_path: Path) -> None:
    pydantic = pytest.importorskip("pydantic", reason="pydantic is not installed")
    strict = pydantic.create_model("Strict", name=(int, ...))
    with (
        FaultServer(completion('{"name": "a"}')) as server,
        loaded(tmp_path, server.base_url, PROMPT) as prompt,
    ):
        result = prompt.run()
        assert result.parse(Item) == Item("a")
        with pytest.raises(runner.RunnerError, match="the output does not fit Strict"):
            result.parse(strict)
        model = pydantic.create_model("Thing", name=(str, ...))
        assert result.parse(model).name == "a"


def test_an_answer_that_did_not_pass_is_not_parsed(tmp_path: Path) -> None:
    with FaultServer(completion("{}")) as server, loaded(tmp_path, server.base_url, PROMPT) as prompt:
        result = prompt.run()
    with pytest.raises(runner.OutcomeError, match="invalid"):
        result.parse(Item)


@pytest.mark.slow
def test_pydantic_is_not_loaded(tmp_path: Path) -> None:
    code = "import sys, runner.api.typed_output, runner.api.loading; print('pydantic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"

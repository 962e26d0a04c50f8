from __future__ import annotations

from runner.engine.plan.variants import Variant, variants


def test_without_matrix_there_is_one_nameless_variant() -> None:
    assert list(variants({})) == [Variant(None, {})]


def test_a_matrix_yields_every_combination_named_by_what_differs() -> None:
    found = list(variants({"model": ("gpt-4o", "gpt-5-mini"), "temperature": (0, 0.7)}))
    assert [variant.name for variant in found] == [
        "gpt-4o+temperature=0",
        "gpt-4o+temperature=0.7",
        "gpt-5-mini+temperature=0",
        "gpt-5-mini+temperature=0.7",
    ]
    assert found[1].overrides == {"model": "gpt-4o", "temperature": 0.7}


def test_one_chosen_value_overrides_without_naming() -> None:
    assert list(variants({}, {"temperature": [0.2]})) == [Variant(None, {"temperature": 0.2})]


def test_several_chosen_values_are_compared_by_name() -> None:
    assert [variant.name for variant in variants({}, {"model": ["a", "b"]})] == ["a", "b"]


def test_narrowing_a_matrix_keeps_the_variants_name() -> None:
    [narrowed] = variants({"model": ("a", "b")}, {"model": ["b"]})
    assert narrowed == Variant("b", {"model": "b"})


def test_values_that_are_not_text_are_named_as_json() -> None:
    [variant] = variants({"stop": (["\n", "é"],)})
    assert variant.name == 'stop=["\\n","é"]'

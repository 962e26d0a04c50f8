"""Templates that other tools have published render here as there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runner.errors import TemplateError

from .support import compile_prompt, compile_text, make_prompt

FORMATS = Path(__file__).parents[2] / ".." / "shared" / "conformance" / "formats"
SUBSET = "prompty-conformance/microsoft_prompty__runtime_python_prompty_prompty_jinja_subset_conformance_"


def read(name: str) -> Any:
    path = FORMATS / (SUBSET + name)
    if not path.exists():
        pytest.skip("the conformance material is not beside this checkout")
    return json.loads(path.read_text(encoding="utf-8"))


def test_the_jinja_subset_of_prompty_renders_the_same_bytes() -> None:
    agreed = {case["name"] for case in read("corpus.json")["cases"] if case.get("jinja2_agrees")}
    golden = [case for case in read("render_golden.json") if case["name"] in agreed and "rendered" in case]
    assert len(golden) > 30
    different = {
        case["name"]
        for case in golden
        if case["name"] != "missing_variable_renders_empty"
        and compile_text(case["template"], whitespace="raw").render(case["inputs"])[0]["content"]
        != case["rendered"]
    }
    assert different == set()


def test_what_renders_empty_elsewhere_for_want_of_a_value_is_an_error_here() -> None:
    (case,) = (
        case for case in read("render_golden.json") if case["name"] == "missing_variable_renders_empty"
    )
    with pytest.raises(TemplateError, match="'missing' has no value"):
        compile_text(case["template"]).render(case["inputs"])


def test_the_prompts_of_github_models_compile_under_both_engines() -> None:
    files = sorted((FORMATS / "github-prompt-yml").glob("*.yml"))
    if not files:
        pytest.skip("the conformance material is not beside this checkout")
    for file in files:
        text = file.read_text(encoding="utf-8")
        jinja = compile_prompt(make_prompt(text))
        simple = compile_prompt(make_prompt(text + "\ntemplate: {engine: simple}\n"))
        assert jinja.variables == simple.variables, file.name
        values = {name: f"<{name}>" for name in jinja.variables}
        assert jinja.render(values) == simple.render(values), file.name

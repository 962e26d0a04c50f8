"""Templates that are published elsewhere render here as there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from runner.errors import TemplateError
from tests import conformance

from .support import compile_prompt, compile_text, make_prompt

TEMPLATES = conformance.lines("formats/templates.jsonl")


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_renders_as_jinja_renders_it(name: str) -> None:
    case = TEMPLATES[name]
    jinja = ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True)
    assert jinja.from_string(case["template"]).render(case["inputs"]) == case["rendered"]
    (message,) = compile_text(case["template"], whitespace="raw").render(case["inputs"])
    assert message["content"] == case["rendered"]


GITHUB = sorted((conformance.HERE / "formats" / "github").glob("*.yml"))
GITHUB += conformance.recorded("formats/github-prompt-yml", ".yml")


@pytest.mark.parametrize("file", GITHUB, ids=lambda path: path.name)
def test_the_prompts_of_github_models_compile_under_both_engines(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    jinja = compile_prompt(make_prompt(text))
    simple = compile_prompt(make_prompt(text + "\ntemplate: {engine: simple}\n"))
    assert jinja.variables == simple.variables
    values = {name: f"<{name}>" for name in jinja.variables}
    assert jinja.render(values) == simple.render(values)


# --- Prompty's vectors, where they are given ----------------------------------------------------------------------

SUBSET = "microsoft_prompty__runtime_python_prompty_prompty_jinja_subset_conformance_"
needs_vectors = pytest.mark.skipif(
    conformance.RECORDINGS is None, reason="no folder of recordings was given (CONFORMANCE_DATA)"
)


def vectors(name: str) -> Any:
    (path,) = conformance.recorded("formats/prompty-conformance", SUBSET + name)
    return json.loads(path.read_text(encoding="utf-8"))


@needs_vectors
def test_the_jinja_subset_of_prompty_renders_the_same_bytes() -> None:
    agreed = {case["name"] for case in vectors("corpus.json")["cases"] if case.get("jinja2_agrees")}
    golden = [case for case in vectors("render_golden.json") if case["name"] in agreed and "rendered" in case]
    assert len(golden) > 30
    different = {
        case["name"]
        for case in golden
        if case["name"] != "missing_variable_renders_empty"
        and compile_text(case["template"], whitespace="raw").render(case["inputs"])[0]["content"]
        != case["rendered"]
    }
    assert different == set()


@needs_vectors
def test_what_renders_empty_elsewhere_for_want_of_a_value_is_an_error_here() -> None:
    (case,) = (
        case for case in vectors("render_golden.json") if case["name"] == "missing_variable_renders_empty"
    )
    with pytest.raises(TemplateError, match="'missing' has no value"):
        compile_text(case["template"]).render(case["inputs"])

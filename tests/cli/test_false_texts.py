"""W017: text that says no, in a condition where any text is true."""

from __future__ import annotations

import json

import pytest

from tests.faults import FaultServer

from .asking import run
from .project import ProjectFolder


def prompt(text: str, more: str = "") -> str:
    return f"model: gpt-test\n{more}messages:\n  - {{role: user, content: {json.dumps(text)}}}\n"


def warnings(project: ProjectFolder, *args: str) -> list[str]:
    done = project.run("check", "t.prompt.yaml", *args)
    assert done.code == 0, done.err
    return [line for line in done.err.splitlines() if ": W017 " in line]


def check(project: ProjectFolder, text: str, cells: list[str], more: str = "") -> list[str]:
    project.write("cells.csv", "".join(f'"{cell}"\n' for cell in ["x", *cells]))
    project.write("t.prompt.yaml", prompt("hi " + text, more) + "tests: [{file: cells.csv}]\n")
    return warnings(project)


@pytest.mark.parametrize("cell", ["false", "False", "FALSE", " false ", "0", "no", "off", "null", "none"])
def test_a_cell_that_says_no_is_told_where_the_template_tests_it(project: ProjectFolder, cell: str) -> None:
    [told] = check(project, "{% if x %}a{% endif %}", ["true", cell, "NO"])
    assert told.startswith(f't.prompt.yaml:3:37: W017 x is the string "{cell.strip()}" at cells.csv:3')


@pytest.mark.parametrize("cell", ["true", "1", "yes", "", "false alarm", "00", "nothing"])
def test_other_cells_are_not(project: ProjectFolder, cell: str) -> None:
    assert check(project, "{% if x %}a{% endif %}", ["y", cell]) == []


@pytest.mark.parametrize(
    "template",
    [
        "{% if not x %}a{% endif %}",
        "{% if 1 > 2 %}b{% elif x %}a{% endif %}",
        "{% if x is defined and x %}a{% endif %}",
        "{% if (not x) or 1 > 2 %}a{% endif %}",
        "{% if x | default(false) %}a{% endif %}",
        "{{ 'a' if x else 'b' }}",
        "{% for i in [1, 2] if x %}a{% endfor %}",
        "{% include 'part.j2' %}",
    ],
)
def test_every_condition_that_is_the_variable_itself_counts(project: ProjectFolder, template: str) -> None:
    project.write("part.j2", "{% if x %}a{% endif %}")
    assert len(check(project, template, ["false"])) == 1


@pytest.mark.parametrize(
    "template",
    [
        "{{ x }}",
        "{% if x == 'false' %}a{% endif %}",
        "{% if x in ['no'] %}a{% endif %}",
        "{% if x | length > 2 %}a{% endif %}",
        "{% if x is defined %}{{ x }}{% endif %}",
        "{% for x in ['a'] if x %}b{% endfor %}{{ x }}",
        "{% set y = x %}{% if y %}a{% endif %}",
        "{% if x.y is defined %}a{% endif %}",
    ],
)
def test_whatever_else_is_done_with_it_does_not(project: ProjectFolder, template: str) -> None:
    assert check(project, template, ["false"]) == []


@pytest.mark.parametrize("kind", ["boolean", "string", "[string, 'null']"])
def test_an_input_with_a_type_is_what_its_author_meant(project: ProjectFolder, kind: str) -> None:
    assert check(project, "{% if x %}a{% endif %}", ["false"], f"inputs: {{x: {{type: {kind}}}}}\n") == []


def test_an_input_without_a_type_is_told_of(project: ProjectFolder) -> None:
    assert len(check(project, "{% if x %}a{% endif %}", ["false"], "inputs: {x: {}}\n")) == 1


def test_a_value_that_is_false_is_none_of_them(project: ProjectFolder) -> None:
    project.write(
        "t.prompt.yaml", prompt("hi {% if x %}a{% endif %}") + "tests: [{vars: {x: false}}, {vars: {x: 0}}]\n"
    )
    assert warnings(project) == []


@pytest.mark.slow
@pytest.mark.parametrize("isolated", [(), ("--isolate",)])
@pytest.mark.parametrize("command", ["run", "render"])
def test_run_and_render_tell_it_of_a_variable_and_of_rows_once(
    asked: ProjectFolder, server: FaultServer, command: str, isolated: tuple[str, ...]
) -> None:
    asked.write("t.prompt.yaml", prompt("hi {% if x %}a{% endif %}"))
    asked.write("rows.csv", "x\n" + "false\n" * 50)
    for given in (("--var", "x=false"), ("--input", "rows.csv")):
        done = asked.run(command, "t.prompt.yaml", *given, *isolated, env={"FAKE_KEY": "k" * 20})
        assert done.code == 0, done.err
        assert done.err.count("W017") == 1
        assert "declare it: `inputs: {x: {type: boolean}}`" in done.err
    assert "W017" not in run(asked, "t.prompt.yaml", "--var", "x=true").err

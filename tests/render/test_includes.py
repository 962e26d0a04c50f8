"""Included files are found, checked and compiled before anything is rendered."""

from __future__ import annotations

import pytest

from runner.errors import FileError, Location, MissingFileError, TemplateError
from runner.files.disk.tree import MemoryTree, Tree

from .support import compile_prompt, compile_text, make_prompt, render

CONTENT = "messages: [{role: user, content: '%s'}]"


def test_a_file_is_included_where_it_is_named() -> None:
    assert render("a {% include 'tone.md' %} z", {"tone.md": "be {{ mood }}"}, mood="kind") == "a be kind z"


def test_the_last_line_end_of_an_included_file_is_not_part_of_the_text() -> None:
    assert render("<{% include 'tone.md' %}>", {"tone.md": "one\ntwo\n\n"}) == "<one\ntwo\n>"


def test_a_name_is_relative_to_the_file_it_stands_in() -> None:
    files = {
        "parts/a.md": "{% include 'sub/b.md' %}",
        "parts/sub/b.md": "{% include '../../c.md' %}",
        "c.md": "C",
    }
    prompt = make_prompt(CONTENT % '{% include "parts/a.md" %}', files)
    compiled = compile_prompt(prompt)
    assert compiled.render({})[0]["content"] == "C"
    assert compiled.files == ("parts/a.md", "parts/sub/b.md", "c.md")


@pytest.mark.parametrize("name", ["../secret", "/etc/hostname", "a/../../secret", "C:/x", "a\\\\b"])
def test_a_name_cannot_leave_the_root(name: str) -> None:
    with pytest.raises(MissingFileError):
        compile_text("{% include '" + name + "' %}", {"secret": "s"})


def test_a_file_that_is_not_there_is_an_error_at_the_line_that_names_it() -> None:
    with pytest.raises(MissingFileError, match=r"p\.prompt\.yaml:5: .*did you mean .tone\.md") as caught:
        text = "messages:\n  - role: user\n    content: |-\n      Hi\n      {% include 'tome.md' %}\n"
        compile_prompt(make_prompt(text, {"tone.md": ""}))
    assert caught.value.location == Location("p.prompt.yaml", 5)


def test_a_circle_is_refused_and_told_whole() -> None:
    files = {"a": "{% include 'b' %}", "b": "x\n{% import 'a' as a %}"}
    with pytest.raises(TemplateError, match=r"^b:2: import is circular: a -> b -> a$"):
        compile_text("{% include 'a' %}", files)


def test_includes_are_followed_sixteen_deep_and_no_deeper() -> None:
    files = {f"f{n}": f"{{% include 'f{n + 1}' %}}" for n in range(20)} | {"f16": "end"}
    assert render("{% include 'f1' %}", files) == "end"
    with pytest.raises(TemplateError, match="more than 16 deep"):
        compile_text("{% include 'f0' %}", files)


@pytest.mark.slow
def test_two_hundred_files_may_be_included_and_no_more() -> None:
    files = {f"f{n}": "x" for n in range(201)}
    content = "".join(f"{{% include 'f{n}' %}}" for n in range(200))
    assert render(content, files) == "x" * 200
    with pytest.raises(TemplateError, match="more than 200 files"):
        compile_text(content + "{% include 'f200' %}", files)


def test_a_large_file_is_refused_at_its_first_line() -> None:
    with pytest.raises(TemplateError, match=r"^big:1: .*262,144"):
        compile_text("{% include 'big' %}", {"big": "x" * 262_145})


def test_an_include_that_may_be_missing_is_refused() -> None:
    with pytest.raises(TemplateError, match="may be missing"):
        compile_text("{% include 'x' ignore missing %}", {"x": ""})


def test_inheritance_and_macros_work() -> None:
    files = {
        "base": "{% set title = 'T' %}{{ title }}: {% block body %}default{% endblock %}",
        "macros": "{% macro bold(t) %}*{{ t }}*{% endmacro %}",
    }
    content = "{% extends 'base' %}{% from 'macros' import bold %}{% block body %}{{ title }} {{ super() }} {{ x }}{% endblock %}"
    assert render(content, files, x=1) == "T: T default 1"
    assert render("{% from 'macros' import bold as b %}{{ b('x') }}", files) == "*x*"
    assert render("{% import 'macros' as m %}{{ m.bold('x') }}", files) == "*x*"


def test_an_import_of_what_is_not_defined_is_an_error_when_the_prompt_is_loaded() -> None:
    with pytest.raises(TemplateError, match="m defines no 'bolt'") as caught:
        compile_text("{% from 'm' import bolt %}", {"m": "{% macro bold(t) %}{% endmacro %}"})
    assert caught.value.hint == 'did you mean "bold"?'


def test_an_included_file_sees_what_is_set_around_it() -> None:
    files = {"row": "{{ loop.index }}{{ item }}{{ sign }};"}
    content = "{% set sign = '!' %}{% for item in list %}{% include 'row' %}{% endfor %}"
    compiled = compile_text(content, files)
    assert compiled.variables == {"list"}
    assert compiled.render({"list": ["a", "b"]})[0]["content"] == "1a!;2b!;"


def test_a_variable_that_an_import_cannot_see_is_an_error_when_the_prompt_is_loaded() -> None:
    files = {"m": "\n{% macro hi() %}hi {{ name }}{% endmacro %}"}
    with pytest.raises(TemplateError, match=r"^m:2:23: variable 'name' is not visible") as caught:
        compile_text("{% import 'm' as m %}{{ m.hi() }}", files)
    assert "with context" in str(caught.value.hint)
    assert render("{% import 'm' as m with context %}{{ m.hi() }}", files, name="Ada") == "hi Ada"


def test_a_pack_reference_goes_to_the_hook_and_its_own_includes_stay_in_its_tree() -> None:
    asked: list[tuple[str, Location]] = []
    pack = MemoryTree(
        {"t/tone.md": b"{% include 'more.md' %}", "t/more.md": b"kind"}, prefix="packs/support/"
    )

    def resolve(reference: str, location: Location) -> tuple[Tree, str]:
        asked.append((reference, location))
        return pack, "t/tone.md"

    prompt = make_prompt(CONTENT % '{% include "support:tone" %}', {"t/more.md": "wrong"})
    compiled = compile_prompt(prompt, resolve_reference=resolve)
    assert compiled.render({})[0]["content"] == "kind"
    assert asked == [("support:tone", Location("p.prompt.yaml", 1))] * 2  # once each way
    assert compiled.files == ("packs/support/t/tone.md", "packs/support/t/more.md")


def test_a_pack_reference_without_packs_is_an_error() -> None:
    with pytest.raises(TemplateError, match="no packs are available"):
        compile_text("{% include 'support:tone' %}")


def test_a_file_is_read_once_and_never_while_rendering() -> None:
    class Counting(MemoryTree):
        reads = 0

        def read(self, file: str, *, shown: str | None = None, location: Location | None = None) -> bytes:
            self.reads += 1
            return super().read(file, shown=shown, location=location)

    tree = Counting({"a": b"a"})
    compiled = compile_prompt(make_prompt(CONTENT % '{% include "a" %}{% include "a" %}', tree=tree))
    compiled.render({})
    compiled.render({})
    assert tree.reads == 2  # once each way


def test_a_file_that_is_not_utf8_is_told_at_its_byte() -> None:
    tree = MemoryTree({"a": b"ok\nx\xff"})
    with pytest.raises(FileError, match=r"^a:2:2: "):
        compile_prompt(make_prompt(CONTENT % '{% include "a" %}', tree=tree))


def test_a_counter_in_an_imported_file_starts_anew_with_every_rendering() -> None:
    files = {
        "m": "{% set n = namespace(i=0) %}{% macro next() %}{% set n.i = n.i + 1 %}{{ n.i }}{% endmacro %}"
    }
    compiled = compile_text("{% from 'm' import next %}{{ next() }}{{ next() }}", files)
    assert [compiled.render({})[0]["content"] for _ in range(3)] == ["12", "12", "12"]

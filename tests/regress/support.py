"""Rules from the lines of a `regression:` block, and JSON values to compare under them."""

from __future__ import annotations

import textwrap

from hypothesis import strategies as st

from runner.files.disk.tree import MemoryTree
from runner.files.model import Project
from runner.files.project import load_project
from runner.files.prompt import load_prompt
from runner.regress.rules.rules import Rules, compile_rules

HEAD = "model: m\nmessages: [{role: user, content: hi}]\n"

texts = st.text(st.sampled_from("ab 1.\r\n*é"), max_size=6)
numbers = st.integers(-3, 3) | st.floats(-2, 2, allow_nan=False).map(lambda number: round(number, 2))
scalars = st.none() | st.booleans() | numbers | texts
values = st.recursive(
    scalars,
    lambda each: (
        st.lists(each, max_size=4) | st.dictionaries(st.sampled_from(["a", "b", "id"]), each, max_size=3)
    ),
    max_leaves=14,
)


def compiled(*rules: str, project: Project | None = None, **settings: object) -> Rules:
    """compiled("{path: $.a, ignore: true}", samples=3)"""
    lines = [f"{key}: {value}" for key, value in settings.items()]
    if rules:
        lines += ["rules:", *(f"  - {rule}" for rule in rules)]
    block = textwrap.indent("\n".join(lines), "  ") if lines else "  {}"
    data = f"{HEAD}regression:\n{block}\n".encode()
    prompt = load_prompt("p.prompt.yaml", MemoryTree({"p.prompt.yaml": data}))
    return compile_rules(prompt, project or Project("/"))


def project_with(folder, *redact: str) -> Project:
    lines = "".join(f"  - {each}\n" for each in redact)
    (folder / "runner.yaml").write_text(f"redact:\n{lines}")
    return load_project(folder, environ={})

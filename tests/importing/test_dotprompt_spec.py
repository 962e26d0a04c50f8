"""Test the vectors of dotprompt's own specification, if it is available, for picoschema and templates."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from runner.importing.picoschema import PicoschemaError, from_picoschema
from tests import conformance

from .support import bodies_of, of_text, spec_of
from .test_dotprompt import as_ours

WITHOUT_COUNTERPART = {
    "json": "`this` is the whole input",
    "section": "a section is filled by code",
    "resolved_partial": "the partial resolved does not exist",
    "nested_resolved_partial": "does not exist",
}
"""The suites of templates that are refused, and the reasons."""
ADDED_BY_CODE = {
    "system_only_prompt": "the program puts a conversation that no {{history}} names behind the system message"
}


def suites(*names: str) -> Iterator[dict[str, Any]]:
    for path in conformance.recorded("formats/dotprompt-conformance", *(f"{name}.yaml" for name in names)):
        for suite in yaml.safe_load(path.read_text(encoding="utf-8")):
            yield {**suite, "of": path.stem.rpartition("__spec_")[2]}


def cases(*names: str) -> list[Any]:
    return [
        pytest.param(suite, test, id=f"{suite['of']}-{suite['name']}-{test['desc']}")
        for suite in suites(*names)
        for test in suite["tests"]
    ]


@pytest.mark.parametrize(("suite", "test"), cases("picoschema"))
def test_picoschema_becomes_the_json_schema_of_the_specification(suite, test):
    front = yaml.safe_load(suite["template"].replace("\r", "").split("---\n")[1])
    known = suite.get("schemas", {})
    for side in ("input", "output"):
        wanted = test["expect"].get(side, {}).get("schema")
        given = (front.get(side) or {}).get("schema")
        if wanted is not None:
            assert from_picoschema(given, known) == wanted
        elif given is not None:
            with pytest.raises(PicoschemaError):
                from_picoschema(given, known)


@pytest.mark.parametrize(
    ("suite", "test"),
    cases(
        "variables",
        "partials",
        "helpers_role",
        "helpers_media",
        "helpers_json",
        "helpers_history",
        "helpers_section",
    ),
)
def test_a_template_of_the_specification_renders_the_same(suite, test, tmp_path: Path):
    text = (
        suite["template"]
        if suite["template"].startswith("---")
        else f"---\nmodel: m\n---\n{suite['template']}"
    )
    partials = {f"_{name}__prompt": body for name, body in suite.get("partials", {}).items()}
    found = of_text(tmp_path, "dotprompt", "p.prompt", text, **partials)
    if found.refused is not None:
        reason = WITHOUT_COUNTERPART.get(suite["name"]) or WITHOUT_COUNTERPART.get(
            suite["of"].rpartition("_")[2], ""
        )
        assert reason
        assert reason in str(found.refused)
        return
    data = {**suite.get("data", {}), **test.get("data", {})}
    default = test.get("options", {}).get("input", {}).get("default", {})
    declared = spec_of(found).get("inputs", {})
    values = {name: value for name, value in {**default, **data.get("input", {})}.items() if name in declared}
    if "history" in declared:
        values["history"] = [as_ours(each) for each in data.get("messages", ())]
    sent = bodies_of(found, None, values)[0]["messages"]
    wanted = [as_ours(each) for each in test["expect"]["messages"]][
        : len(sent) if suite["name"] in ADDED_BY_CODE else None
    ]
    assert [_without_ends(each) for each in sent] == [_without_ends(each) for each in wanted]


def _without_ends(message: dict[str, Any]) -> str:
    """Return a message without the white space around it, which the specification keeps and the tool removes."""
    content = message["content"]
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    spelt = [{**part, "text": part["text"].strip()} if "text" in part else part for part in parts]
    return json.dumps([message["role"], [part for part in spelt if part.get("text") != ""]])

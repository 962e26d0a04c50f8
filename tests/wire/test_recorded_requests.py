"""Requests that providers answer: each becomes a prompt file, passes `check`, and is rendered as it was written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runner.engine.plan.lint import lint_prompt
from runner.engine.plan.plan import Plan
from runner.engine.plan.selection import Selection
from runner.engine.plan.units import make_units
from runner.files.disk.tree import MemoryTree
from runner.files.formats import schema
from runner.files.model import Endpoint, Project
from runner.files.prompt import OWN_KEYS, load_prompt
from runner.wire.fingerprint import Fingerprinter
from tests import conformance

FIELDS = schema("prompt")["properties"].keys() - OWN_KEYS
RUN_OPTIONS = {"stream", "stream_options"}


def requests() -> dict[str, dict[str, Any]]:
    """The written bodies, and of each recorded request that was answered its body without the options of a run."""
    found = {name: entry["body"] for name, entry in conformance.lines("wire/requests.jsonl").items()}
    for folder in ("chat", "stream"):
        for path in conformance.recorded(f"wire/responses/{folder}", ".json"):
            body = json.loads(path.read_text(encoding="utf-8")).get("request")
            if "__chat__200__" in path.name and isinstance(body, dict) and "messages" in body:
                found[path.stem] = {key: each for key, each in body.items() if key not in RUN_OPTIONS}
    return found


REQUESTS = requests()


def as_prompt(body: dict[str, Any]) -> str:
    """The request as a prompt file: what only one provider knows at the top level goes under extra_body."""
    own = {key: each for key, each in body.items() if key in FIELDS}
    rest = {key: each for key, each in body.items() if key not in FIELDS}
    return json.dumps({**own, "template": {"engine": "none"}, "extra_body": rest})


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_that_was_answered_is_a_prompt_and_is_sent_as_it_was(name: str) -> None:
    body = REQUESTS[name]
    prompt = load_prompt("p.prompt.yaml", MemoryTree({"p.prompt.yaml": as_prompt(body).encode()}))
    project = Project(root="/", endpoints={"openai": Endpoint("openai", base_url="http://127.0.0.1:1/v1")})
    found = lint_prompt(prompt, project)
    assert [*found.errors, *(each for each in found.remarks if each.severity == "error")] == []
    (job,) = Plan(make_units((prompt,), project), Selection().cases).jobs()
    sent = json.loads(job.data)
    assert sent == body
    assert [json.dumps(sent[key]) for key in body] == [json.dumps(body[key]) for key in body]
    assert job.fingerprint == Fingerprinter(body).of(body["messages"])

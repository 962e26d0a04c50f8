"""A server that answers, moderates, embeds and judges by a script, and a project that asks it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.faults import Received, Steps, completion, echo, reply

from .project import ProjectFolder

__all__ = ["MODERATED", "paths", "scripted", "write_project"]

MODERATED = """
name: said
model: gpt-test
inputs: {text: {type: string}}
messages: [{role: user, content: "{{ text }}"}]
assert: [{type: moderation}]
tests:
  - {id: kind, vars: {text: "Have a nice day."}}
"""


def scripted(
    verdict: Callable[[str], Any] = lambda text: {
        "reason": "It was read.",
        "verdict": "fail" if "BAD" in text else "unsure" if "VAGUE" in text else "pass",
    },
) -> Callable[[Received], Steps]:
    """Echo chat, except for models whose name begins with `judge`, which say the `verdict` on the last message."""

    def answer(request: Received) -> Steps:
        body = request.json
        if request.target.endswith("/moderations"):
            flagged = "kill" in body["input"]
            scores = {"harassment": 0.01, "violence": 0.9 if flagged else 0.02}
            categories = {name: flagged and name == "violence" for name in scores}
            found = {"flagged": flagged, "categories": categories, "category_scores": scores}
            return reply(200, {"id": "m", "model": body["model"], "results": [found]})
        if request.target.endswith("/embeddings"):
            data = [{"index": place, "embedding": _letters(text)} for place, text in enumerate(body["input"])]
            return reply(
                200, {"data": data, "model": body["model"], "usage": {"prompt_tokens": 4, "total_tokens": 4}}
            )
        if body["model"].startswith("judge"):
            said = verdict(str(body["messages"][-1]["content"]))
            return said if isinstance(said, tuple) else completion(json.dumps(said), body["model"])
        return echo(request)

    return answer


def _letters(text: str) -> list[float]:
    """How often each letter occurs: texts of the same letters have the same direction."""
    counts = [float(text.lower().count(letter)) for letter in "abcdefghijklmnopqrstuvwxyz"]
    return counts if any(counts) else [1.0] * len(counts)


def write_project(project: ProjectFolder, base_url: str, prompt: str = MODERATED, more: str = "") -> None:
    project.write(
        "runner.yaml",
        f"endpoint: fake\nendpoints:\n  fake: {{base_url: '{base_url}', api_key_env: FAKE_KEY, max_retries: 0}}\n{more}",
    )
    project.write("said.prompt.yaml", prompt)


def paths(requests: list[Received]) -> list[str]:
    """The operation of each request, in the order in which they arrived."""
    return [request.target.rpartition("/v1/")[2] for request in requests]

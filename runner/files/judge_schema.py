"""The JSON Schema of `judge`, in runner.yaml and on an assertion: who judges."""

from __future__ import annotations

from ..values import Json

__all__ = ["assertion_judge_schema", "judge_schema"]

_WORD: dict[str, Json] = {"type": "string", "minLength": 1}

_KEYS: dict[str, Json] = {
    "prompt": {
        **_WORD,
        "description": "The prompt that judges: judges:NAME, ALIAS:NAME or a file; the default is that of the assertion's type.",
    },
    "model": {
        **_WORD,
        "description": "The model that judges; the default is that of the prompt or of the endpoint.",
    },
    "endpoint": {**_WORD, "description": "The endpoint to ask; the default is that of the model."},
    "votes": {
        "type": "integer",
        "minimum": 1,
        "maximum": 99,
        "description": "How often each answer is judged; the majority decides, and without one the judge is unsure.",
    },
}


def judge_schema() -> dict[str, Json]:
    """Return the schema of `judge` in runner.yaml."""
    return {
        "type": "object",
        "minProperties": 1,
        "properties": dict(_KEYS),
        "additionalProperties": False,
        "description": "Who judges answers for assertions such as llm-rubric.",
    }


def assertion_judge_schema() -> dict[str, Json]:
    """Return the schema of `judge` on an assertion, which may also be the prompt alone."""
    return {
        **judge_schema(),
        "type": ["string", "object"],
        "minLength": 1,
        "description": "Who judges instead of the project's judge: a prompt, or an object with prompt, model, endpoint, votes.",
    }

"""Rows whose answers a judge decides."""

from __future__ import annotations

import asyncio
from pathlib import Path

import runner
from tests.cli.judging import scripted
from tests.faults import FaultServer

PROMPT = """
model: gpt-test
inputs: {text: {type: string}}
messages: [{role: user, content: "{{ text }}"}]
assert: [{type: llm-rubric, value: Is kind.}]
"""
ROWS = [{"text": text} for text in ("Fine.", "BAD", "Fine too.", "BAD again")] * 10


def test_a_judge_decides_each_row_and_nothing_is_asked_twice(tmp_path: Path) -> None:
    with FaultServer(scripted()) as server:
        (tmp_path / "runner.yaml").write_text(
            f"endpoints: {{here: {{base_url: '{server.base_url}', concurrency: 4}}}}\nendpoint: here\n"
            "judge: {model: judge-2026-01-01}\n"
        )
        (tmp_path / "p.prompt.yaml").write_text(PROMPT)
        with runner.load(tmp_path / "p.prompt.yaml", environ={}) as prompt:
            alone = asyncio.run(prompt.arun(text="BAD"))
            results = list(prompt.map(ROWS, journal=tmp_path / "j.jsonl"))
            assert [result.passed for result in results] == ["BAD" not in row["text"] for row in ROWS]
            assert (alone.passed, alone.outcome) == (False, results[1].outcome)
            asked = len(server.requests)
            again = list(prompt.map(ROWS, journal=tmp_path / "j.jsonl"))
            assert [result.passed for result in again] == [result.passed for result in results]
            assert len(server.requests) == asked
            assert [result.passed for result in prompt.map(ROWS[:4], order=False)].count(True) == 2

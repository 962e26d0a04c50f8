from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "module", ["terminal.diagnostics", "terminal.table", "run.output", "run.console_reporter"]
)
def test_importing_does_not_pay_for_rich(module: str) -> None:
    code = f"import sys, runner.report.{module}; print(sorted({{'rich', 'asyncio', 'httpx', 'aiohttp', 'jinja2', 'jsonschema_rs'}} & sys.modules.keys()))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"

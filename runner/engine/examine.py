"""Everything that can be said about a prompt without asking a model: what `runner check` reports. Offline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..checks.strict import Finding, lint_response_format
from ..errors import Diagnostic, Location, NothingSelectedError, Problems, RunnerError
from ..files.model import CaseFile, Project, Prompt
from ..render.remarks import unused_inputs
from ..render.sandbox import IN_PROCESS, Sandbox
from ..values import Json, JsonPath
from .plan import Plan, Unit, make_units
from .selection import Selection

__all__ = ["Examination", "examine"]


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found in one prompt: errors that stop it, remarks that need not, and how many cases it has."""

    prompt: Prompt
    cases: int
    errors: tuple[RunnerError, ...]
    remarks: tuple[Diagnostic, ...]


def examine(prompt: Prompt, project: Project, sandbox: Sandbox = IN_PROCESS) -> Examination:
    """Compile a prompt, render each of its cases and lint its schema, without sending anything."""
    errors: list[RunnerError] = []
    units: tuple[Unit, ...] = ()
    remarks = [*prompt.warnings, *_lint(prompt)]
    cases = 0
    try:
        units = make_units((prompt,), project, sandbox=sandbox)
        if prompt.tests or not units[0].required:
            cases = Plan(units, Selection().cases).rehearse().jobs
    except NothingSelectedError:
        pass  # a prompt whose row files are empty has nothing to render; `run` refuses it
    except Problems as problems:
        errors.extend(problems.errors)
    except RunnerError as error:
        errors.append(error)
    if units:
        # The rows of files have been read by now, with the assertions that they bring.
        template, judge = units[0].template, units[0].judge
        if not judge.reads_any_variable and not (
            errors and any(isinstance(test, CaseFile) for test in prompt.tests)
        ):
            remarks.extend(unused_inputs(prompt, template.variables | judge.variables))
        remarks.extend(template.warnings)
        remarks.extend(judge.remarks)
    return Examination(prompt, cases, tuple(errors), tuple(remarks))


def _lint(prompt: Prompt) -> list[Diagnostic]:
    declared = prompt.request.get("response_format")
    if declared is None:
        return []
    findings = lint_response_format(declared, _template_text(prompt))
    return [
        Diagnostic(finding.severity, finding.code, finding.message, _place(prompt, finding))
        for finding in findings
    ]


def _place(prompt: Prompt, finding: Finding) -> Location:
    """Where a finding stands: inside the schema's own file, or at its place in the prompt."""
    inside: JsonPath = ("json_schema", "schema")
    schema = prompt.response_schema
    if schema is not None and finding.path[:2] == inside:
        return schema.document.locate((*schema.at, *finding.path[2:]))
    return prompt.locate("response_format", *finding.path)


def _template_text(prompt: Prompt) -> str:
    """All the text of the messages, as written: enough to look for the word "json" in."""

    def texts(value: Json) -> list[str]:
        if isinstance(value, str):
            return [value]
        if isinstance(value, Mapping):
            return [text for item in value.values() for text in texts(item)]
        if isinstance(value, list):
            return [text for item in value for text in texts(item)]
        return []

    return "\n".join(texts(prompt.request.get("messages")))

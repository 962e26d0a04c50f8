"""Check a prompt as far as possible without a model, for `runner check`. Offline."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ...checks.strict import Finding, lint_response_format
from ...errors import (
    Diagnostic,
    Location,
    NothingSelectedError,
    Problems,
    RunnerError,
    SchemaError,
    raise_all,
)
from ...files.addresses import OPENAI_URL
from ...files.model import CaseFile, Project, Prompt
from ...files.model_rules import api_for, endpoint_for
from ...render.remarks import unused_inputs
from ...render.sandbox import IN_PROCESS, Sandbox
from ...values import Json, JsonPath
from ...wire.dialect import SchemaRules, dialect_of
from .job import Job, Unit
from .judge_remarks import judge_remarks
from .plan import Plan
from .selection import Selection
from .units import make_units

__all__ = ["FalseTexts", "LintReport", "lint_prompt", "refuse_lint_errors"]


@dataclass(frozen=True, slots=True)
class LintReport:
    """The findings in one prompt: errors, remarks that do not prevent a run, and the number of cases."""

    prompt: Prompt
    cases: int
    errors: tuple[RunnerError, ...]
    remarks: tuple[Diagnostic, ...]


def lint_prompt(prompt: Prompt, project: Project, sandbox: Sandbox = IN_PROCESS) -> LintReport:
    """Compile a prompt, render each of its cases and lint its schema, without sending anything."""
    errors: list[RunnerError] = []
    units: tuple[Unit, ...] = ()
    remarks = [*prompt.warnings]
    cases = 0
    fields: dict[str, list[Json]] = {}
    if lacking := _model_of_an_action(prompt, project):
        remarks.append(lacking)
        fields = {"model": ["-"]}
    empty, texts = _EmptyMessages(prompt), FalseTexts()

    def look(job: Job) -> None:
        empty.look(job)
        texts.look(job)

    try:
        units = make_units((prompt,), project, fields=fields, sandbox=sandbox)
        if prompt.tests or not units[0].required:
            cases = Plan(units, Selection().cases).preflight(look).jobs
    except NothingSelectedError:
        pass  # a prompt with empty row files has nothing to render; `run` refuses it
    except Problems as problems:
        errors.extend(problems.errors)
    except RunnerError as error:
        errors.append(error)
    remarks.extend(_lint(prompt, _rules_for(prompt, project, units)))
    if units:
        # By now the rows of files have been read, with their assertions.
        template, judge = units[0].template, units[0].judge
        if not judge.reads_any_variable and not (
            errors and any(isinstance(test, CaseFile) for test in prompt.tests)
        ):
            remarks.extend(unused_inputs(prompt, template.variables | judge.variables))
        remarks.extend(_unmapped_models(units))
        remarks.extend(template.warnings)
        remarks.extend(judge.remarks)
        try:
            remarks.extend(judge_remarks(units, project))
        except RunnerError as error:
            errors.append(error)
    remarks.extend(empty.found.values())
    remarks.extend(texts.found.values())
    return LintReport(prompt, cases, tuple(errors), tuple(remarks))


def _model_of_an_action(prompt: Prompt, project: Project) -> Diagnostic | None:
    """Return W020 if a GitHub prompt or an imported prompt has no model, because the program that ran it chose one."""
    spec = prompt.document.value
    of_others = prompt.template.engine == "github" or (isinstance(spec, Mapping) and "x-import" in spec)
    if not of_others or "model" in prompt.request or endpoint_for(project, None).default_model is not None:
        return None
    name = endpoint_for(project, None).name
    hint = f"use --model, or declare a `model` for endpoint {name} in runner.yaml"
    return Diagnostic("warning", "W020", f"{prompt.name} declares no model", prompt.locate(), hint)


def _unmapped_models(units: Iterable[Unit]) -> Iterator[Diagnostic]:
    """Yield W021, once per model, if a model for OpenAI is called `publisher/model`, as GitHub Models named its models."""
    named = {unit.model: unit for unit in units if unit.endpoint.base_url == OPENAI_URL}
    for model, unit in named.items():
        publisher, slash, _ = model.partition("/")
        if slash:
            yield Diagnostic(
                "warning",
                "W021",
                f"endpoint {unit.endpoint.name} has no model {model}: its model names do not include a publisher",
                unit.prompt.locate("model"),
                f'map it in runner.yaml: models: {{"{publisher}/*": {{endpoint: {unit.endpoint.name}, model: "*"}}}}',
            )


class FalseTexts:
    """Find W017: a template tests the truth of a string that means no, such as `false` in a cell or from `--var`.

    Every string that is not empty is true. It is reported once for each variable of a prompt, with its first case, but never
    for an input with a type, whose values are converted or are strings on purpose.
    """

    def __init__(self) -> None:
        self.found: dict[tuple[str, str], Diagnostic] = {}

    def look(self, job: Job) -> None:
        """Check the variables of one case."""
        prompt, given = job.unit.prompt, job.case.vars
        for name, place in job.unit.template.tested.items():
            value = given.get(name)
            if not isinstance(value, str) or value.strip().lower() not in _SAYS_NO:
                continue
            if (prompt.path, name) in self.found or "type" in (prompt.inputs or {}).get(name, {}):
                continue
            text = f'{name} is the string "{value.strip()}" at {job.case.location}, which is true in this condition'
            hint = f"declare it: `inputs: {{{name}: {{type: boolean}}}}`, or `type: string` if it is meant to be a string"
            self.found[prompt.path, name] = Diagnostic("warning", "W017", text, place, hint)


_SAYS_NO = frozenset({"false", "no", "off", "0", "null", "none"})


class _EmptyMessages:
    """Find W008: a system or user message renders to an empty string. It is reported once per message, with its first case."""

    def __init__(self, prompt: Prompt) -> None:
        self._prompt = prompt
        self.found: dict[int, Diagnostic] = {}

    def look(self, job: Job) -> None:
        """Check the messages of one request."""
        if not _BLANK.search(job.data):
            return
        declared, messages = self._prompt.request["messages"], job.body["messages"]
        assert isinstance(declared, list)
        assert isinstance(messages, list)
        for index, message in enumerate(messages):
            content = message.get("content")
            if message["role"] in _SPEAKERS and isinstance(content, str) and not content.strip():
                same = len(messages) == len(declared)
                at = ("messages", index, "content") if same else ("messages",)
                text = f"messages[{index}] is empty with the variables of {job.case.location}"
                hint = "some servers refuse empty messages: put an optional value into a message that also has other text"
                remark = Diagnostic("warning", "W008", text, self._prompt.locate(*at), hint)
                self.found.setdefault(index, remark)


_BLANK = re.compile(rb'"content":"(?:\\[nrt]|\s)*"')
_SPEAKERS = frozenset({"system", "developer", "user"})


def refuse_lint_errors(units: Iterable[Unit], *, hint: str) -> None:
    """Raise SchemaError, or Problems, for schema errors that `lint_prompt` reports: the provider would refuse them.

    `hint` says how to send the request anyway.
    """
    errors: list[RunnerError] = [
        SchemaError(
            f"{remark.code} {remark.message}",
            location=remark.location,
            hint=f"{remark.hint or hint}; runner check --explain {remark.code} says more",
        )
        for prompt, rules in _rules_of(units).values()
        for remark in _lint(prompt, rules)
        if remark.severity == "error"
    ]
    raise_all(errors)


def _rules_of(units: Iterable[Unit]) -> dict[int, tuple[Prompt, list[SchemaRules]]]:
    """Return each prompt of the units with the rules of the wire formats that it is sent in."""
    found: dict[int, tuple[Prompt, list[SchemaRules]]] = {}
    for unit in units:
        _, rules = found.setdefault(id(unit.prompt), (unit.prompt, []))
        if unit.dialect.schema_rules not in rules:
            rules.append(unit.dialect.schema_rules)
    return found


def _rules_for(prompt: Prompt, project: Project, units: tuple[Unit, ...]) -> Sequence[SchemaRules]:
    """Return the rules of one prompt. If it cannot be compiled, they are those of the model that it names."""
    if units:
        return _rules_of(units)[id(prompt)][1]
    declared = prompt.request.get("model")
    model = declared if isinstance(declared, str) else None
    endpoint = endpoint_for(project, model)
    return (dialect_of(api_for(project, model or endpoint.model or "", endpoint)).schema_rules,)


def _lint(prompt: Prompt, rules: Iterable[SchemaRules]) -> list[Diagnostic]:
    declared = prompt.request.get("response_format")
    if declared is None:
        return []
    findings = [
        found for each in rules for found in lint_response_format(declared, _template_text(prompt), each)
    ]
    return [
        Diagnostic(finding.severity, finding.code, finding.message, _place(prompt, finding))
        for finding in dict.fromkeys(findings)
    ]


def _place(prompt: Prompt, finding: Finding) -> Location:
    """Return the location of a finding: in the schema's own file, or in the prompt."""
    inside: JsonPath = ("json_schema", "schema")
    schema = prompt.response_schema
    if schema is not None and finding.path[:2] == inside:
        return schema.document.locate((*schema.at, *finding.path[2:]))
    return prompt.locate("response_format", *finding.path)


def _template_text(prompt: Prompt) -> str:
    """Return the text of all messages as written, to search for the word "json"."""

    def texts(value: Json) -> list[str]:
        if isinstance(value, str):
            return [value]
        if isinstance(value, Mapping):
            return [text for item in value.values() for text in texts(item)]
        if isinstance(value, list):
            return [text for item in value for text in texts(item)]
        return []

    return "\n".join(texts(prompt.request.get("messages")))

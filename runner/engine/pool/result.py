"""Turn one exchange into its records: judged, priced, ready for the journal. Pure."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Mapping

from ...checks.assertions import CheckResult
from ...checks.calls import Find
from ...checks.judge import Judgement
from ...endpoints.prices import DeclaredPrice, ListedPrice, Price, Tokens
from ...files.addresses import key_headers, key_source, shown_name
from ...masking import mask
from ...values import Json, JsonObject
from ...wire.medium import Medium
from ...wire.reply import Answer, Outcome, ProviderError, Reply
from ...wire.usage import stated_cost, token_count
from ..journal.record import CheckRecord, ErrorRecord, Record
from ..plan.job import Job, Unit, choices

__all__ = ["answer_in", "cost_of", "records_of", "rejudged"]


def records_of(
    job: Job,
    reply: Reply,
    *,
    latency_ms: float | None,
    attempts: int,
    cached: bool,
    retries_cost: float | None = None,
    batch: bool = False,
    secret_values: tuple[str, ...] = (),
    keep: Callable[[Medium], str] | None = None,
) -> list[Record]:
    """Return one record per choice, or a single record if the exchange itself failed.

    `secret_values` are masked in provider messages, which sometimes contain the refused key. `retries_cost` is the cost
    of earlier attempts that failed. `batch`: the request was part of a batch, which has a price of its own. `keep` stores
    an image or a sound and returns its path; without it, the record has its data.
    """
    answers = reply.answers
    if reply.error is not None:
        result = reply.partial or Answer(choice=0, outcome=Outcome.ERROR)
        answers = (
            result._replace(choice=0, outcome=Outcome.ERROR, error=reply.error, detail=reply.error.message),
        )
    price = job.unit.price
    cost = cost_of(reply.usage, price.in_batch if batch and price is not None else price)
    several = len(answers) if choices(job.unit.fields) > 1 and reply.error is None else None
    records = [
        _record(
            job,
            reply,
            answer,
            cost,
            latency_ms,
            attempts,
            secret_values,
            cached=cached,
            batch=batch,
            several=several,
            keep=keep,
        )
        for answer in answers
    ]
    if retries_cost is not None:
        records[0]["retries_cost"] = retries_cost
    return records


def _record(
    job: Job,
    reply: Reply,
    answer: Answer,
    cost: float | None,
    latency_ms: float | None,
    attempts: int,
    secret_values: tuple[str, ...],
    *,
    cached: bool,
    batch: bool,
    several: int | None,
    keep: Callable[[Medium], str] | None,
) -> Record:
    judgement = job.unit.judge.judge(answer, job.case, latency_ms=latency_ms, cost=cost, model=job.unit.model)
    checks = [_check(check) for check in judgement.checks]
    record: Record = {
        "prompt": job.unit.prompt.name,
        "file": job.unit.prompt.path,
        "case": job.case.id,
        "variant": job.unit.variant,
        "sample": job.sample,
        "outcome": str(judgement.outcome),
        "passed": judgement.passed,
        "output": judgement.output,
        "text": answer.text,
        "checks": checks,
        "error": _error(answer.error, job.unit, secret_values),
        "detail": mask(judgement.detail, secret_values) if judgement.detail else None,
        "model": job.unit.model,
        "served_model": reply.served_model,
        "finish_reason": answer.finish_reason,
        "usage": reply.usage,
        "cost": cost,
        "latency_ms": None if latency_ms is None else round(latency_ms, 1),
        "attempts": attempts,
        "cached": cached,
        "fingerprint": job.fingerprint,
        "vars": job.case.vars,
    }
    if batch:
        record["batch"] = True
    if reply.fingerprint is not None:
        record["system_fingerprint"] = reply.fingerprint
    if answer.tool_calls:
        record["tool_calls"] = list(answer.tool_calls)
    if answer.reasoning is not None:
        record["reasoning"] = answer.reasoning
    if answer.logprobs is not None:
        record["logprobs"] = answer.logprobs
    if answer.annotations is not None:
        record["annotations"] = answer.annotations
    if answer.audio is not None:
        record["audio"] = answer.audio
    if answer.media:
        record["media"] = [_medium(each, keep) for each in answer.media]
    if answer.extra is not None:
        record["extra"] = answer.extra
    if several is not None:
        record["choice"], record["choices"] = answer.choice, several
    if job.place is not None:
        record["index"] = job.place
    if job.case.row:
        record["row"] = job.case.row
    if judgement.measured is not None:
        record["measured"] = judgement.measured
    _keep_scores(record, judgement)
    if judgement.questions:
        record["waiting"] = True
    return record


def answer_in(record: Record) -> Answer:
    """Return the answer in a record, to be judged again."""
    calls = record.get("tool_calls")
    return Answer(
        record.get("choice", 0),
        Outcome(record["outcome"]),
        record["text"],
        record["output"],
        record["finish_reason"],
        tool_calls=tuple(each for each in calls if isinstance(each, Mapping))
        if isinstance(calls, list)
        else (),
        detail=record["detail"],
    )


def rejudged(job: Job, record: Record, find: Find) -> Record:
    """Return a record that waited, judged with the answers of its calls.

    If they could not decide, the outcome is an error: there is no verdict on the answer.
    """
    judgement = job.unit.judge.judge(
        answer_in(record),
        job.case,
        latency_ms=record["latency_ms"],
        cost=record["cost"],
        model=job.unit.model,
        find=find,
    )
    assert not judgement.questions, "all its calls are answered"
    decided: Record = {**record, "checks": [*map(_check, judgement.checks)], "passed": judgement.passed}
    _keep_scores(decided, judgement)
    del decided["waiting"]
    if judgement.unchecked is not None:
        decided["outcome"] = str(Outcome.ERROR)
        decided["error"] = {
            "code": "unchecked",
            "message": judgement.unchecked,
            "status": None,
            "type": None,
            "hint": None,
            "request_id": None,
        }
        decided["detail"] = judgement.unchecked
    return decided


def _keep_scores(record: Record, judgement: Judgement) -> None:
    if judgement.score is not None:
        record["score"] = judgement.score
    if judgement.scores:
        record["scores"] = judgement.scores


def _medium(medium: Medium, keep: Callable[[Medium], str] | None) -> JsonObject:
    kept = {"data": b64encode(medium.data).decode()} if keep is None else {"file": keep(medium)}
    return {"type": medium.type, "bytes": len(medium.data), "sha256": medium.sha256, **kept}


def _check(check: CheckResult) -> CheckRecord:
    recorded: CheckRecord = {
        "type": check.type,
        "passed": check.passed if check.applies else None,
        "path": check.path,
        "message": check.message,
    }
    if check.metric is not None:
        recorded["metric"] = check.metric
    if check.weight != 1:
        recorded["weight"] = check.weight
    wanted = check.expected
    if (
        check.type in ("equals", "labels")
        and not isinstance(wanted, Mapping | list)
        and len(str(wanted)) <= _SHORT
    ):
        recorded["expected"] = wanted
    if check.found:
        calls: list[Json] = [each.as_json() for each in check.found]
        recorded["judge"] = calls[0] if len(calls) == 1 else calls
    return recorded


_SHORT = 100
_X_API_KEY = re.compile(r"x-api-key|invalid bearer token", re.IGNORECASE)
"""Anthropic's words for a key in another header than its own."""


def _error(error: ProviderError | None, unit: Unit, secret_values: tuple[str, ...]) -> ErrorRecord | None:
    if error is None:
        return None
    hint, endpoint = error.hint, unit.endpoint
    if error.status == 401:
        # The source of the refused key is known only here.
        places = (endpoint, *endpoint.in_turn)
        headers = key_headers(endpoint, unit.dialect.name)
        sources = dict.fromkeys(
            shown_name(name) if name is not None else key_source(place)
            for place in places
            for _, name in key_headers(place, unit.dialect.name).values()
        )
        hint = (
            f"check the key in {' and '.join(sources)}"
            if sources
            else f"endpoint {endpoint.name} sends no key: set api_key_env to the name of its variable in runner.yaml"
        )
        wants_other = _X_API_KEY.search(error.message) and "x-api-key" not in map(str.lower, headers)
        if sources and wants_other:
            hint += ", or send it in the header that this server reads: headers_env: {x-api-key: NAME}"
    return {
        "code": error.code,
        "message": mask(error.message, secret_values),
        "status": error.status,
        "type": error.type,
        "hint": hint,
        "request_id": error.request_id,
    }


def cost_of(usage: JsonObject | None, price: Price | None) -> float | None:
    """Return the cost of one exchange in US dollars.

    A price of the project comes first, then what the provider says (`usage.cost`, OpenRouter), then a listed price.
    Prompt tokens that were read from a cache or written to it are part of `prompt_tokens` (OpenAI). None if no price is
    known, or if the counts are missing or contradict each other: more cached tokens than tokens.
    """
    stated = stated_cost(usage)
    if isinstance(price, DeclaredPrice) and not price.input and not price.output:
        return 0.0  # whatever was used
    if price is None or (stated is not None and isinstance(price, ListedPrice)):
        return stated
    prompt, completion = token_count(usage, "prompt_tokens"), token_count(usage, "completion_tokens")
    if usage is None or prompt is None or completion is None:
        return None
    details = usage.get("prompt_tokens_details")
    read, written, kept = (
        (token_count(details, name) or 0) if isinstance(details, Mapping) else 0
        for name in ("cached_tokens", "cache_write_tokens", "cache_write_1h_tokens")
    )
    if read + written > prompt or kept > written:
        return None
    return price.cost(Tokens(prompt, completion, read, written, kept))

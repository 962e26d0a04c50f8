"""What an exchange cost, and what its record says."""

from __future__ import annotations

import sys
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import genai_prices
import pytest

from runner.checks.assertions import CheckResult
from runner.checks.calls import Found
from runner.checks.judge import Judgement
from runner.endpoints.prices import DeclaredPrice, ListedPrice, require_price_list
from runner.engine.plan.job import Job
from runner.engine.pool.result import answer_in, cost_of, records_of, rejudged
from runner.errors import ConfigError
from runner.files.model import Endpoint
from runner.wire.dialect import dialect_of
from runner.wire.reply import Answer, Medium, Outcome, ProviderError, Reply

PRICE = DeclaredPrice(2.0, 10.0, cached=0.5)
UNCACHED = DeclaredPrice(2.0, 10.0)


def usage(prompt: Any = 1_000_000, completion: Any = 100_000, **more: Any) -> dict[str, Any]:
    return {"prompt_tokens": prompt, "completion_tokens": completion, **more}


def cached(tokens: Any) -> dict[str, Any]:
    return usage(prompt_tokens_details={"cached_tokens": tokens})


def test_tokens_cost_what_the_project_says() -> None:
    assert cost_of(usage(), PRICE) == 3.0
    assert cost_of(usage(0, 0), PRICE) == 0.0


def test_cached_tokens_are_among_the_prompts_and_have_their_own_price() -> None:
    assert cost_of(cached(400_000), PRICE) == pytest.approx(0.6 * 2 + 0.4 * 0.5 + 1.0, rel=1e-12)


def test_cached_tokens_cost_what_others_do_where_no_price_is_given_for_them() -> None:
    assert cost_of(cached(400_000), UNCACHED) == pytest.approx(3.0, rel=1e-12)


def test_cached_tokens_may_be_free() -> None:
    free = DeclaredPrice(2.0, 10.0, cached=0.0)
    assert cost_of(cached(400_000), free) == pytest.approx(2.2)


WRITES = DeclaredPrice(2.0, 10.0, cached=0.5, cache_write=2.5, cache_write_1h=4.0)


def written(tokens: int, kept: int = 0, read: int = 0) -> dict[str, Any]:
    details = {"cached_tokens": read, "cache_write_tokens": tokens, "cache_write_1h_tokens": kept}
    return usage(prompt_tokens_details=details)


def test_tokens_written_to_a_cache_have_their_own_price() -> None:
    assert cost_of(written(400_000), WRITES) == pytest.approx(0.6 * 2 + 0.4 * 2.5 + 1.0)
    assert cost_of(written(400_000, read=100_000), WRITES) == pytest.approx(0.5 * 2 + 0.05 + 1.0 + 1.0)


def test_those_that_are_kept_for_an_hour_have_another_one() -> None:
    assert cost_of(written(400_000, kept=300_000), WRITES) == pytest.approx(1.2 + 0.25 + 1.2 + 1.0)
    same = replace(WRITES, cache_write_1h=None)
    assert cost_of(written(400_000, kept=300_000), same) == cost_of(written(400_000), WRITES)


def test_tokens_written_to_a_cache_cost_what_others_do_where_no_price_is_given_for_them() -> None:
    assert cost_of(written(400_000, kept=300_000), UNCACHED) == pytest.approx(3.0)


@pytest.mark.parametrize("counts", [written(600_000, read=400_001), written(1_000_001), written(5, kept=6)])
def test_written_tokens_that_contradict_the_others_give_no_cost(counts: dict[str, Any]) -> None:
    assert cost_of(counts, WRITES) is None


@pytest.mark.parametrize("model", ["claude-sonnet-4-5", "claude-haiku-4-5"])
def test_a_listed_price_of_written_tokens_is_that_of_the_library(model: str) -> None:
    url = "https://api.anthropic.com/v1"
    for tokens, kept in [(50_000, 0), (50_000, 20_000)]:
        expected = genai_prices.calc_price(
            genai_prices.Usage(
                input_tokens=100_000,
                output_tokens=5_000,
                cache_read_tokens=10_000,
                cache_write_tokens=tokens,
                cache_write_1h_tokens=kept,
            ),
            model_ref=model,
            provider_api_url=url,
        )
        details = {"cached_tokens": 10_000, "cache_write_tokens": tokens, "cache_write_1h_tokens": kept}
        given = usage(100_000, 5_000, prompt_tokens_details=details)
        assert cost_of(given, ListedPrice(model, url)) == pytest.approx(float(expected.total_price))


@pytest.mark.parametrize("details", [None, [], "x", {"cached_tokens": "7"}, {"cached_tokens": None}, {}])
def test_what_is_no_number_of_cached_tokens_is_none(details: Any) -> None:
    assert cost_of(usage(prompt_tokens_details=details), PRICE) == pytest.approx(3.0)


@pytest.mark.parametrize("price", [PRICE, UNCACHED])
def test_the_price_of_the_project_goes_before_what_the_provider_says(price: DeclaredPrice) -> None:
    assert cost_of(usage(cost=77), price) == pytest.approx(3.0)


def test_without_a_price_it_is_what_the_provider_says() -> None:
    assert cost_of(usage(cost=0.25), None) == 0.25
    assert cost_of(usage(cost=1), None) == 1.0
    assert cost_of(usage(), None) is None


def test_what_the_provider_says_goes_before_a_listed_price() -> None:
    listed = ListedPrice("gpt-5-nano", "https://api.openai.com/v1")
    assert cost_of(usage(cost=77), listed) == 77.0
    assert cost_of(usage(), listed) not in (None, 77.0)


@pytest.mark.parametrize(
    ("model", "url"),
    [
        ("gpt-5-mini", "https://api.openai.com/v1"),
        ("gemini-2.5-pro", "https://generativelanguage.googleapis.com/v1beta/openai"),
        ("openai/gpt-5-mini", "https://openrouter.ai/api/v1"),
    ],
    ids=["flat", "by length", "of a router"],
)
def test_a_listed_price_is_that_of_the_library(model: str, url: str) -> None:
    for prompt, again in [(100_000, 0), (400_000, 0), (400_000, 100_000), (400_000, None)]:
        expected = genai_prices.calc_price(
            genai_prices.Usage(input_tokens=prompt, output_tokens=5_000, cache_read_tokens=again or 0),
            model_ref=model,
            provider_api_url=url,
        )
        given = usage(prompt, 5_000, prompt_tokens_details={"cached_tokens": again})
        assert cost_of(given, ListedPrice(model, url)) == pytest.approx(
            float(expected.total_price), rel=1e-12
        )


def test_a_list_that_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    require_price_list()
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    with pytest.raises(ConfigError, match="needs the extra 'prices', which is not installed") as refused:
        require_price_list()
    assert refused.value.hint == "pip install 'prompt-runner[prices]'"


def test_a_model_or_a_server_that_the_list_does_not_have_has_no_price() -> None:
    assert cost_of(usage(), ListedPrice("gpt-5-mini", "http://localhost:8000/v1")) is None
    assert cost_of(usage(), ListedPrice("no-such-model", "https://api.openai.com/v1")) is None


@pytest.mark.parametrize("stated", ["0.2", None, True, [1]])
def test_what_the_provider_says_is_a_number_or_nothing(stated: Any) -> None:
    assert cost_of(usage(cost=stated), None) is None


@pytest.mark.parametrize(
    "counts", [{"prompt": None}, {"prompt": "7"}, {"completion": None}, {"completion": [1]}]
)
def test_tokens_that_are_not_counted_have_no_cost(counts: dict[str, Any]) -> None:
    assert cost_of(usage(**counts), PRICE) is None


@pytest.mark.parametrize("count", [-1, 0.5, True, 2**53 + 1, 10**400])
@pytest.mark.parametrize("name", ["prompt_tokens", "completion_tokens"])
def test_a_count_that_no_answer_can_have_gives_no_cost(name: str, count: Any) -> None:
    assert cost_of({**usage(), name: count}, PRICE) is None


@pytest.mark.parametrize("stated", [-0.01, 2**53 + 1, 10**400])
def test_a_cost_that_no_answer_can_have_is_none(stated: Any) -> None:
    assert cost_of(usage(cost=stated), None) is None


def test_more_cached_tokens_than_tokens_give_no_cost_rather_than_a_negative_one() -> None:
    assert cost_of(cached(1_000_000), PRICE) == pytest.approx(0.5 + 1.0)
    assert cost_of(cached(1_000_001), PRICE) is None


def test_an_exchange_without_usage_has_no_cost() -> None:
    assert cost_of(None, PRICE) is None


# --- records ---------------------------------------------------------------------------------------------------------------

KEY = "sk-test-planted-key-0123456789"
ENDPOINT = Endpoint("fake", api_key_env="FAKE_KEY")
REFUSED = ProviderError(
    "invalid_api_key", f"Wrong key {KEY}.", status=401, type="auth", hint="?", request_id="r"
)


class Judge:
    """Calls every answer good, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def judge(self, answer: Answer, case: Any, **facts: Any) -> Judgement:
        self.asked.append(facts)
        checks = (CheckResult("contains", True, "$.a", "as expected"),)
        return Judgement(answer.outcome, answer.outcome is Outcome.OK, answer.output, checks, answer.detail)


def job(
    endpoint: Endpoint = ENDPOINT,
    *,
    n: int | None = None,
    place: int | None = None,
    row: dict[str, str] | None = None,
) -> Job:
    unit = SimpleNamespace(
        dialect=dialect_of("chat"),
        prompt=SimpleNamespace(name="hello", path="prompts/hello.prompt.yaml"),
        variant="v",
        endpoint=endpoint,
        model="gpt-test",
        price=PRICE,
        fields={} if n is None else {"n": n},
        judge=Judge(),
    )
    case = SimpleNamespace(id="ada", vars={"name": "Ada"}, row=row)
    return cast("Job", SimpleNamespace(unit=unit, case=case, sample=2, fingerprint="sha256:ab", place=place))


def records(reply: Reply, of: Job, **changes: Any) -> list[Any]:
    facts: dict[str, Any] = {"latency_ms": 12.345, "attempts": 3, "cached": False}
    return list(records_of(of, reply, **facts | changes))


GOOD = Answer(0, Outcome.OK, text='{"a":1}', output={"a": 1}, finish_reason="stop")


def test_the_first_record_says_what_failed_attempts_cost() -> None:
    first, second = records(Reply((GOOD, GOOD._replace(choice=1))), job(), retries_cost=0.5)
    assert first["retries_cost"] == 0.5
    assert "retries_cost" not in second


def test_a_record_says_all_that_is_known_of_a_case_and_its_answer() -> None:
    asked = job()
    [record] = records(Reply((GOOD,), served_model="gpt-test-1", usage=usage()), asked)
    assert record == {
        "prompt": "hello",
        "file": "prompts/hello.prompt.yaml",
        "case": "ada",
        "variant": "v",
        "sample": 2,
        "outcome": "ok",
        "passed": True,
        "output": {"a": 1},
        "text": '{"a":1}',
        "checks": [{"type": "contains", "passed": True, "path": "$.a", "message": "as expected"}],
        "error": None,
        "detail": None,
        "model": "gpt-test",
        "served_model": "gpt-test-1",
        "finish_reason": "stop",
        "usage": usage(),
        "cost": pytest.approx(3.0),
        "latency_ms": 12.3,
        "attempts": 3,
        "cached": False,
        "fingerprint": "sha256:ab",
        "vars": {"name": "Ada"},
    }
    [facts] = asked.unit.judge.asked  # type: ignore[attr-defined]
    assert facts == {"latency_ms": 12.345, "cost": pytest.approx(3.0), "model": "gpt-test"}


class Finds:
    """A judge whose only check says what was wanted."""

    def __init__(self, kind: str, wanted: Any) -> None:
        self._check = CheckResult(kind, False, "$.a", "another", expected=wanted)

    def judge(self, answer: Answer, *_: Any, **__: Any) -> Judgement:
        return Judgement(answer.outcome, False, answer.output, (self._check,), None)


def check_of(kind: str, wanted: Any) -> dict[str, Any]:
    asked = job()
    asked.unit.judge = Finds(kind, wanted)  # type: ignore[misc, assignment]
    [record] = records(Reply((GOOD,)), asked)
    [check] = record["checks"]
    return dict(check)


@pytest.mark.parametrize("wanted", ["refund", "", None, False, 7, 1.5, "x" * 100])
def test_a_record_keeps_the_short_value_that_equals_wanted(wanted: Any) -> None:
    assert check_of("equals", wanted)["expected"] == wanted


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [("contains", "refund"), ("equals", "x" * 101), ("equals", {"a": 1}), ("equals", [1])],
    ids=["another kind of check", "a long text", "an object", "a list"],
)
def test_a_record_does_not_keep_what_other_checks_wanted_nor_what_is_long(kind: str, wanted: Any) -> None:
    assert "expected" not in check_of(kind, wanted)


def test_a_cached_answer_says_so_and_took_no_time() -> None:
    [record] = records(Reply((GOOD,)), job(), cached=True, latency_ms=None, attempts=0)
    assert (record["cached"], record["latency_ms"], record["attempts"]) == (True, None, 0)


def test_the_place_of_a_row_and_the_calls_of_an_answer_are_there_where_there_are_any() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    [record] = records(Reply((GOOD._replace(tool_calls=(call,)),)), job(place=0))
    assert (record["index"], record["tool_calls"]) == (0, [call])


@pytest.mark.parametrize("row", [{"ticket": "7"}, {}, None], ids=str)
def test_columns_of_a_row_that_are_no_variables_are_kept_where_there_are_any(
    row: dict[str, str] | None,
) -> None:
    [record] = records(Reply((GOOD,)), job(row=row))
    assert record.get("row", "absent") == (row or "absent")


@pytest.mark.parametrize(("n", "numbered"), [(None, False), (1, False), (2, True)])
def test_choices_are_numbered_where_several_were_asked_for(n: int | None, numbered: bool) -> None:
    [record] = records(Reply((GOOD,)), job(n=n))
    assert ((record.get("choice"), record.get("choices")) == (0, 1)) is numbered


def test_each_choice_is_a_record_with_the_number_of_all() -> None:
    reply = Reply((GOOD, GOOD._replace(choice=1, text="other")))
    numbered = [(each["choice"], each["choices"], each["text"]) for each in records(reply, job(n=2))]
    assert numbered == [(0, 2, '{"a":1}'), (1, 2, "other")]


def test_an_exchange_that_failed_is_one_record_without_keys() -> None:
    [record] = records(Reply(error=REFUSED), job(n=2), secret_values=(KEY,))
    assert (record["outcome"], record["passed"]) == ("error", False)
    assert record["detail"] == "Wrong key [key]."
    assert "choice" not in record
    assert record["error"] == {
        "code": "invalid_api_key",
        "message": "Wrong key [key].",
        "status": 401,
        "type": "auth",
        "hint": "check the key in FAKE_KEY",
        "request_id": "r",
    }


@pytest.mark.parametrize(
    ("endpoint", "hint"),
    [
        (ENDPOINT, "check the key in FAKE_KEY"),
        (Endpoint("fake", api_key_keyring="acme/bot"), "check the key in the keyring, acme/bot"),
        (
            Endpoint("fake"),
            "endpoint fake sends no key: set api_key_env to the name of its variable in runner.yaml",
        ),
    ],
)
def test_a_refused_key_is_looked_for_where_it_came_from(endpoint: Endpoint, hint: str) -> None:
    [record] = records(Reply(error=REFUSED), job(endpoint))
    assert record["error"]["hint"] == hint


@pytest.mark.parametrize(
    ("endpoint", "hint"),
    [
        (
            ENDPOINT,
            "check the key in FAKE_KEY, or send it in the header that this server reads: headers_env: {x-api-key: NAME}",
        ),
        (Endpoint("fake", headers_env={"X-Api-Key": "OTHER"}), "check the key in OTHER"),
        (
            Endpoint("fake"),
            "endpoint fake sends no key: set api_key_env to the name of its variable in runner.yaml",
        ),
    ],
    ids=["another header", "that header", "no key"],
)
def test_a_server_that_reads_x_api_key_is_told_apart(endpoint: Endpoint, hint: str) -> None:
    refused = replace(REFUSED, message="x-api-key header is required")
    [record] = records(Reply(error=refused), job(endpoint))
    assert record["error"]["hint"] == hint


def test_another_errors_hint_is_the_providers() -> None:
    [record] = records(Reply(error=replace(REFUSED, status=403)), job())
    assert record["error"]["hint"] == "?"


PARTS: dict[str, Any] = {
    "reasoning": "first",
    "logprobs": {"content": []},
    "annotations": [{"type": "url_citation"}],
    "audio": {"transcript": "hi"},
    "extra": {"citations": ["https://a"]},
}


def test_what_came_beside_the_text_is_kept_under_its_name_and_absent_where_nothing_came() -> None:
    [record] = records(Reply((GOOD._replace(**PARTS),)), job())
    assert {name: record[name] for name in PARTS} == PARTS
    [bare] = records(Reply((GOOD,)), job())
    assert not bare.keys() & PARTS.keys()


@pytest.mark.parametrize("partial", [None, GOOD._replace(choice=4)])
def test_what_came_before_an_exchange_failed_is_the_first_choice(partial: Answer | None) -> None:
    asked = job()
    given: list[Answer] = []
    asked.unit.judge.judge = lambda answer, *_, **__: (  # type: ignore[method-assign]
        given.append(answer) or Judgement(answer.outcome, False, None, (), answer.detail)
    )
    records(Reply(error=REFUSED, partial=partial), asked)
    assert [(each.choice, each.text) for each in given] == [(0, partial and partial.text)]


# --- answers that calls judge ----------------------------------------------------------------------------------------------


class Decided(Judge):
    """Decides what it is told to."""

    def __init__(self, judgement: Judgement) -> None:
        super().__init__()
        self.judgement = judgement
        self.answers: list[Answer] = []

    def judge(self, answer: Answer, case: Any, **facts: Any) -> Judgement:
        self.asked.append(facts)
        self.answers.append(answer)
        return self.judgement


def deciding(judgement: Judgement) -> tuple[Job, Decided]:
    asked, judge = job(), Decided(judgement)
    cast("Any", asked.unit).judge = judge
    return asked, judge


def judgement(*checks: CheckResult, **changes: Any) -> Judgement:
    return Judgement(Outcome.OK, True, {"a": 1}, checks, None)._replace(**changes)


QUESTION: Any = object()
FOUND = Found({"verdict": "pass"}, "sha256:cd", "judges:rubric", "gpt-judge", cost=0.25)
CALLED = {
    "prompt": "judges:rubric",
    "request": "sha256:cd",
    "model": "gpt-judge",
    "verdict": "pass",
    "cost": 0.25,
}


def test_an_answer_whose_questions_are_open_waits() -> None:
    asked, _ = deciding(judgement(questions=(QUESTION,)))
    assert records(Reply((GOOD,)), asked)[0]["waiting"] is True
    assert "waiting" not in records(Reply((GOOD,)), deciding(judgement())[0])[0]


@pytest.mark.parametrize(("found", "judge"), [((FOUND,), CALLED), ((FOUND, FOUND), [CALLED, CALLED])])
def test_a_check_names_the_calls_that_decided_it(found: tuple[Found, ...], judge: Any) -> None:
    asked, _ = deciding(judgement(CheckResult("llm-rubric", True, None, "pass", found=found)))
    [record] = records(Reply((GOOD,)), asked)
    assert record["checks"][0]["judge"] == judge


def waiting(**changes: Any) -> Any:
    asked, _ = deciding(judgement(questions=(QUESTION,)))
    [record] = records(Reply((GOOD._replace(detail="as it is"),), usage=usage()), asked)
    return {**record, "detail": "as it is", **changes}


@pytest.mark.parametrize(
    ("changes", "differs"),
    [
        ({}, {}),
        ({"choice": 2}, {"choice": 2}),
        ({"tool_calls": [{"id": "1"}, "no call"]}, {"tool_calls": ({"id": "1"},)}),
        ({"tool_calls": {"id": "1"}}, {}),
    ],
)
def test_the_answer_in_a_record_is_the_one_that_was_judged(changes: Any, differs: Any) -> None:
    assert answer_in(waiting(**changes)) == GOOD._replace(detail="as it is", **differs)


def test_a_record_that_waited_gets_its_verdict() -> None:
    check = CheckResult("llm-rubric", False, None, "fail", found=(FOUND,))
    asked, judge = deciding(judgement(check, passed=False, score=0.5, scores={"tone": 0.25}))
    find: Any = object()
    decided = rejudged(asked, waiting(), find)
    assert decided["passed"] is False
    assert decided["checks"][0]["judge"] == CALLED
    assert (decided["score"], decided["scores"]) == (0.5, {"tone": 0.25})
    assert (decided["outcome"], decided["error"], decided["detail"]) == ("ok", None, "as it is")
    assert "waiting" not in decided
    assert judge.asked == [{"latency_ms": 12.3, "cost": 3.0, "model": "gpt-test", "find": find}]
    assert judge.answers == [GOOD._replace(detail="as it is")]


def test_a_verdict_that_no_call_could_decide_is_an_error() -> None:
    asked, _ = deciding(judgement(passed=False, unchecked="the judge is unsure"))
    decided = rejudged(asked, waiting(), cast("Any", None))
    assert (decided["outcome"], decided["passed"]) == ("error", False)
    assert decided["detail"] == "the judge is unsure"
    assert decided["error"] == {
        "code": "unchecked",
        "message": "the judge is unsure",
        "status": None,
        "type": None,
        "hint": None,
        "request_id": None,
    }


def test_a_request_of_a_batch_has_its_own_price_and_says_so() -> None:
    asked = job()
    cast("Any", asked.unit).price = replace(PRICE, batch=0.5)
    [online], [record] = (
        records(Reply((GOOD,), usage=usage()), asked),
        records(Reply((GOOD,), usage=usage()), asked, batch=True),
    )
    assert (online["cost"], record["cost"]) == (3.0, 1.5)
    assert "batch" not in online
    assert record["batch"] is True
    cast("Any", asked.unit).price = None
    assert records(Reply((GOOD,), usage=usage()), asked, batch=True)[0]["cost"] is None


@pytest.mark.parametrize(("price", "cost"), [((0.0, 0.0), 0.0), ((0.0, 1.0), None), ((1.0, 0.0), None)])
def test_a_model_that_costs_nothing_needs_no_counts(price: tuple[float, float], cost: float | None) -> None:
    assert cost_of(None, DeclaredPrice(*price)) == cost


def test_a_record_has_what_came_beside_the_text() -> None:
    medium = Medium("image/png", b"\x89PNG")
    asked, _ = deciding(judgement(measured={"labels": {"expected": "a"}}, score=0.5, scores={"tone": 0.25}))
    answer = GOOD._replace(media=(medium,))
    [record] = records(Reply((answer,), fingerprint="fp_1"), asked)
    said = {"type": "image/png", "bytes": 4, "sha256": medium.sha256}
    assert record["media"] == [{**said, "data": "iVBORw=="}]
    assert (record["system_fingerprint"], record["measured"]) == ("fp_1", {"labels": {"expected": "a"}})
    assert (record["score"], record["scores"]) == (0.5, {"tone": 0.25})
    [kept] = records(Reply((answer,)), asked, keep=lambda each: f"media/{each.sha256}.png")
    assert kept["media"] == [{**said, "file": f"media/{medium.sha256}.png"}]
    [plain] = records(Reply((GOOD,)), job())
    assert not {"media", "system_fingerprint", "measured", "score", "scores"} & plain.keys()


def test_a_check_names_its_score_and_what_was_expected() -> None:
    checks = (
        CheckResult("labels", True, "$.a", "as expected", expected="b", metric="tone", weight=2.0),
        CheckResult("contains", True, None, "as expected", expected="b"),
    )
    [record] = records(Reply((GOOD,)), deciding(judgement(*checks))[0])
    first, second = record["checks"]
    assert (first["metric"], first["weight"], first["expected"]) == ("tone", 2.0, "b")
    assert not {"metric", "weight", "expected"} & second.keys()


def test_in_a_batch_every_rate_is_reduced() -> None:
    price = DeclaredPrice(1.0, 2.0, 4.0, 8.0, 16.0, batch=0.25)
    assert price.in_batch == DeclaredPrice(0.25, 0.5, 1.0, 2.0, 4.0)
    assert DeclaredPrice(1.0, 2.0, batch=0.5).in_batch == DeclaredPrice(0.5, 1.0)
    assert DeclaredPrice(1.0, 2.0).in_batch == DeclaredPrice(1.0, 2.0)

"""`runner export` and `runner collect`: batches for servers of one's own."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from .project import Done, ProjectFolder

PROMPT = """
name: hello
model: gpt-test
inputs: {name: {type: string}}
messages: [{role: user, content: "Hello {{ name }}"}]
assert: [{type: contains, value: Hello}]
tests: [{id: ada, vars: {name: Ada}}, {id: bob, vars: {name: Bob}}]
"""

PROJECT = """
endpoint: own
endpoints:
  own: {base_url: 'http://127.0.0.1:9/v1', api_key_env: OWN_KEY}
models:
  gpt-*: {price: {input: 2, output: 10, batch: 0.5}}
"""


@pytest.fixture
def exported(project: ProjectFolder) -> ProjectFolder:
    project.write("runner.yaml", PROJECT)
    project.write("prompts/hello.prompt.yaml", PROMPT)
    project.write("rows.jsonl", "".join(json.dumps({"name": f"n{n}"}) + "\n" for n in range(20)))
    assert project.run("export", "hello", "--input", "rows.jsonl", "--batch", "requests.jsonl").code == 0
    return project


def lines(project: ProjectFolder, file: str = "requests.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (project.folder / file).read_text().splitlines()]


def result(line: dict[str, Any], **response: object) -> dict[str, Any]:
    said = {"role": "assistant", "content": line["body"]["messages"][-1]["content"]}
    body = {
        "id": "c",
        "object": "chat.completion",
        "model": "served",
        "choices": [{"index": 0, "message": said, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100},
    }
    answer = {"status_code": 200, "request_id": "r", "body": body, **response}
    return {"id": "x", "custom_id": line["custom_id"], "response": answer, "error": None}


def write(project: ProjectFolder, results: list[Any], file: str = "results.jsonl") -> Path:
    texts = (each if isinstance(each, str) else json.dumps(each) for each in results)
    return project.write(file, "".join(text + "\n" for text in texts))


def answered(project: ProjectFolder) -> list[dict[str, Any]]:
    results = [result(line) for line in lines(project)]
    random.Random(1).shuffle(results)
    return results


def names(done: Done) -> list[str]:
    return [record["vars"]["name"] for record in done.records()]


def test_a_line_is_the_request_with_its_place_and_its_fingerprint(exported: ProjectFolder) -> None:
    first, *others = lines(exported)
    body = {"model": "gpt-test", "messages": [{"role": "user", "content": "Hello n0"}]}
    assert first == {
        "custom_id": first["custom_id"],
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": body,
    }
    assert [line["custom_id"].split("-")[0] for line in (first, *others)] == [str(n) for n in range(20)]


def test_results_in_any_order_are_stored_judged_and_priced(exported: ProjectFolder) -> None:
    write(exported, answered(exported))
    done = exported.run("collect", "results.jsonl", "--output", "out.jsonl", "--in-order")
    assert done.code == 0, done.err
    assert names(done) == [f"n{n}" for n in range(20)]
    record = done.records()[3]
    assert (record["outcome"], record["passed"], record["text"]) == ("ok", True, "Hello n3")
    assert record["batch"] is True
    assert record["cost"] == (1000 * 2 + 100 * 10) / 1e6 / 2
    assert record["latency_ms"] is None
    assert lines(exported, "out.jsonl") == done.records()
    assert done.summary()["status"] == "complete"


def test_collecting_needs_no_key_and_sends_nothing(exported: ProjectFolder) -> None:
    write(exported, answered(exported))
    assert exported.run("collect", "results.jsonl").code == 0


def test_what_is_missing_is_said_and_may_be_collected_later(exported: ProjectFolder) -> None:
    results = answered(exported)
    write(exported, results[:15])
    done = exported.run("collect", "results.jsonl")
    assert done.code == 3
    assert "5 requests have no result" in done.out
    assert len(done.records()) == 15
    write(exported, results)
    again = exported.run("collect", "results.jsonl")
    assert again.code == 0
    assert sorted(names(again)) == sorted(f"n{n}" for n in range(20)), "each case is answered once"


def test_lines_that_are_not_ours_are_named_and_the_others_are_stored(exported: ProjectFolder) -> None:
    results = answered(exported)
    foreign = {**results[2], "custom_id": results[2]["custom_id"].split("-")[0] + "-" + "0" * 24}
    beyond = {**results[3], "custom_id": "99-" + "0" * 24}
    write(exported, [*results[:2], {**results[0], "custom_id": "mine"}, results[0], foreign, beyond, "junk"])
    done = exported.run("collect", "results.jsonl")
    assert done.code == 2
    assert len(done.records()) == 2
    errors = done.err.splitlines()
    assert "results.jsonl:3: the custom_id mine is unknown" in done.err
    assert f"results.jsonl:4: the custom_id {results[0]['custom_id']} occurs twice" in done.err
    assert "results.jsonl:7: not a result: Expecting value" in done.err
    assert f"the custom_id {foreign['custom_id']} has the fingerprint of another request" in done.err
    assert "place 99 is unknown" in done.err
    assert len(errors) == 5


def test_results_of_another_export_are_refused_even_if_the_run_is_complete(exported: ProjectFolder) -> None:
    write(exported, answered(exported))
    assert exported.run("collect", "results.jsonl").code == 0
    foreign = [{**each, "custom_id": each["custom_id"][:-6] + "000000"} for each in answered(exported)]
    write(exported, foreign, "foreign.jsonl")
    done = exported.run("collect", "foreign.jsonl")
    assert done.code == 2
    assert done.err.count("fingerprint of another request") == 20


def test_more_than_twenty_refused_lines_are_counted(exported: ProjectFolder) -> None:
    write(exported, ["junk"] * 50)
    done = exported.run("collect", "results.jsonl")
    assert done.code == 2
    assert "and 30 more lines that are refused" in done.err


def test_errors_are_in_a_file_of_their_own_and_are_asked_again(exported: ProjectFolder) -> None:
    results = answered(exported)
    failed = [
        {**each, "response": None, "error": {"code": "batch_expired", "message": "late"}}
        for each in results[:2]
    ]
    refused = result(lines(exported)[0], status_code=400, body={"error": {"message": "too long"}})
    rest = [each for each in results[2:] if each["custom_id"] != refused["custom_id"]]
    write(exported, rest)
    errors = [each for each in failed if each["custom_id"] != refused["custom_id"]]
    write(exported, [*errors, refused], "errors.jsonl")
    done = exported.run("collect", "results.jsonl", "errors.jsonl")
    assert done.code == 3
    codes = {record["error"]["code"] for record in done.records() if record["error"]}
    assert codes == {"batch_expired", "400"}
    write(exported, results)
    again = exported.run("collect", "results.jsonl")
    assert again.code == 0, "an error is not an answer"


def test_a_case_that_fails_decides_the_exit_code(exported: ProjectFolder) -> None:
    results = answered(exported)
    results[0]["response"]["body"]["choices"][0]["message"]["content"] = "Bye"
    write(exported, results)
    assert exported.run("collect", "results.jsonl").code == 1


def test_samples_are_lines_of_their_own(exported: ProjectFolder) -> None:
    assert exported.run("export", "hello", "--repeat", "3", "--batch", "requests.jsonl").code == 0
    assert len(lines(exported)) == 6
    write(exported, answered(exported))
    done = exported.run("collect", "results.jsonl", "--in-order", "--output", "out.jsonl")
    assert done.code == 0
    kept = [(record["case"], record["sample"]) for record in lines(exported, "out.jsonl")]
    assert kept == [(case, sample) for case in ("ada", "bob") for sample in range(3)]


def test_shards_are_exported_collected_and_merged(exported: ProjectFolder) -> None:
    runs = []
    for shard in ("1/2", "2/2"):
        done = exported.run(
            "export", "hello", "--input", "rows.jsonl", "--shard", shard, "--batch", "requests.jsonl"
        )
        assert done.code == 0
        write(exported, answered(exported))
        assert exported.run("collect", "results.jsonl").code == 0
        runs.append(done.out.split()[-1])
    done = exported.run("merge", *runs, "--output", "all.jsonl")
    assert done.code == 0, done.err
    assert [each["vars"]["name"] for each in lines(exported, "all.jsonl")] == [f"n{n}" for n in range(20)]


def test_an_older_export_is_collected_by_its_run(exported: ProjectFolder) -> None:
    write(exported, answered(exported))
    first = min((exported.folder / ".runner" / "runs").iterdir()).name
    assert exported.run("export", "hello", "--batch", "other.jsonl").code == 0
    assert exported.run("collect", "results.jsonl").code == 2
    assert exported.run("collect", "results.jsonl", "--run", first).code == 0


def test_a_run_whose_rows_have_changed_is_not_collected(exported: ProjectFolder) -> None:
    write(exported, answered(exported))
    exported.write("rows.jsonl", '{"name": "other"}\n')
    done = exported.run("collect", "results.jsonl")
    assert done.code == 2
    assert "configuration was different" in done.err


@pytest.mark.slow
def test_the_rest_of_a_batch_can_be_sent_online(exported: ProjectFolder) -> None:
    write(exported, answered(exported)[:19])
    done = exported.run("collect", "results.jsonl")
    assert "runner run --resume" in done.out
    resumed = exported.run("run", "--resume", "last", env={"OWN_KEY": "k"})
    assert "19 of 20 are answered" in resumed.out


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (("--batch", "requests.txt"), "does not show its format"),
        (("--batch", "runner.yaml"), "does not show its format"),
        (("--batch", "rows.jsonl", "--input", "rows.jsonl"), "which this command reads"),
        (("--batch", "mine.jsonl"), "is not an output of runner"),
        (("--batch", "new.jsonl", "--model", "a", "--model", "b"), "a batch file is for one model"),
        (("--batch", "new.jsonl", "--endpoint", "local"), "is the embedded model, which has no batches"),
        (("--batch", "new.jsonl", "--input", "-"), "cannot be exported"),
        (("--batch", "new.jsonl", "--var", "name=@-"), "cannot be exported"),
    ],
)
def test_what_cannot_be_exported_is_refused_and_leaves_no_run(
    exported: ProjectFolder, args: tuple[str, ...], why: str
) -> None:
    exported.write("mine.jsonl", '{"custom_id":"my-own"}\n')
    before = list((exported.folder / ".runner" / "runs").iterdir())
    done = exported.run("export", "hello", *args)
    assert done.code == 2
    assert why in done.err
    assert list((exported.folder / ".runner" / "runs").iterdir()) == before
    assert not (exported.folder / "new.jsonl").exists()


def test_a_key_is_not_written_to_a_batch_file(exported: ProjectFolder) -> None:
    key = "sk-test-planted-key-0123456789"
    exported.write("keys.jsonl", json.dumps({"name": key}))
    done = exported.run(
        "export", "hello", "--input", "keys.jsonl", "--batch", "new.jsonl", env={"OWN_KEY": key}
    )
    assert done.code == 2
    assert not (exported.folder / "new.jsonl").exists()
    assert "contains the key of endpoint own" in done.err
    assert key not in done.err + done.out
    kept = [file for file in exported.folder.rglob("*") if file.is_file() and file.name != "keys.jsonl"]
    assert not any(key.encode() in file.read_bytes() for file in kept)


def test_a_key_in_a_result_is_masked_in_the_journal(exported: ProjectFolder) -> None:
    key = "sk-test-planted-key-0123456789"
    results = answered(exported)
    results[0]["response"]["body"]["choices"][0]["message"]["content"] = f"Hello {key}"
    write(exported, results)
    done = exported.run("collect", "results.jsonl", env={"OWN_KEY": key})
    assert done.code == 0
    assert key not in json.dumps(done.records())


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (("nothing.jsonl",), "No such file"),
        (("prompts",), "nothing"),
        (("empty.jsonl",), "there are no results in it"),
        (("results.jsonl", "--in-order"), "--in-order applies to the file of --output"),
        (("results.jsonl", "--output", "results.jsonl"), "which this command reads"),
        (("results.jsonl", "--run", "nothing"), "there is no run nothing"),
    ],
)
def test_what_cannot_be_collected_is_refused(
    exported: ProjectFolder, args: tuple[str, ...], why: str
) -> None:
    write(exported, answered(exported))
    exported.write("empty.jsonl", "")
    done = exported.run("collect", *args)
    assert done.code == 2
    assert why in done.err or args == ("prompts",)
    assert "Traceback" not in done.err


def test_nothing_exported_is_said(project: ProjectFolder) -> None:
    project.write("prompts/hello.prompt.yaml", PROMPT)
    project.write("results.jsonl", "{}\n")
    done = project.run("collect", "results.jsonl")
    assert done.code == 2
    assert "nothing was exported here yet" in done.err

"""`in_turn`: several keys, or servers, for the same models, of which each request takes the next."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.faults import FaultServer, Steps, completion, echo, reply

from .project import ProjectFolder

PROMPT = "model: m\nmessages: [{role: user, content: 'hi {{ n }}'}]\n"
KEYS = {"KEY_A": "planted-key-aaaa-0123", "KEY_B": "planted-key-bbbb-4567"}


@pytest.fixture
def other() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


def declare(
    project: ProjectFolder, server: FaultServer, *places: dict[str, Any], rows: int = 6, **more: Any
) -> None:
    endpoint = {"base_url": server.base_url, "api_key_env": "KEY_A", "in_turn": [*places], **more}
    project.write("runner.yaml", json.dumps({"endpoint": "e", "endpoints": {"e": endpoint}}, indent=1))
    tests = "".join(f"  - {{id: c{number}, vars: {{n: {number}}}}}\n" for number in range(rows))
    project.write("a.prompt.yaml", f"{PROMPT}tests:\n{tests}")


def keys(server: FaultServer) -> Counter[str]:
    return Counter(request.headers["authorization"].removeprefix("Bearer ") for request in server.requests)


def too_many(retry_after: str = "60") -> Steps:
    return reply(429, {"error": {"message": "Slow down."}}, headers={"retry-after": retry_after})


@pytest.mark.parametrize("transport", ["httpx", "aiohttp"])
@pytest.mark.parametrize("jobs", ["1", "3"])
def test_two_keys_of_one_server_take_turns(
    project: ProjectFolder, server: FaultServer, transport: str, jobs: str
) -> None:
    server.play(echo)
    declare(project, server, {"api_key_env": "KEY_B"})
    done = project.run("run", "--no-cache", "--jobs", jobs, "--transport", transport, env=KEYS)
    assert done.code == 0, done.err
    assert keys(server) == {KEYS["KEY_A"]: 3, KEYS["KEY_B"]: 3}


def test_two_servers_take_turns_and_one_has_headers_of_its_own(
    project: ProjectFolder, server: FaultServer, other: FaultServer
) -> None:
    server.play(echo)
    other.play(echo)
    there = {"base_url": other.base_url, "headers_env": {"api-key": "KEY_B"}, "headers": {"x-region": "us"}}
    declare(project, server, there, headers={"x-region": "eu"})
    done = project.run("run", "--no-cache", "--jobs", "1", env=KEYS)
    assert done.code == 0, done.err
    assert (len(server.requests), len(other.requests)) == (3, 3)
    assert {request.headers["x-region"] for request in server.requests} == {"eu"}
    for request in other.requests:
        assert (request.headers["x-region"], request.headers["api-key"]) == ("us", KEYS["KEY_B"])
    assert "api-key" not in server.requests[0].headers


def test_a_place_that_wants_a_pause_is_skipped_meanwhile(
    project: ProjectFolder, server: FaultServer, other: FaultServer
) -> None:
    server.play(lambda _: too_many())
    other.play(echo)
    declare(project, server, {"base_url": other.base_url})
    done = project.run("run", "--no-cache", "--jobs", "1", env=KEYS)
    assert done.code == 0, done.err
    assert (len(server.requests), len(other.requests)) == (1, 6)
    assert "waiting" not in done.err


def test_a_server_that_is_out_of_reach_is_skipped_meanwhile(
    project: ProjectFolder, server: FaultServer
) -> None:
    server.play(echo)
    declare(project, server, {"base_url": "http://127.0.0.1:9/v1"})
    done = project.run("run", "--no-cache", "--jobs", "1", env=KEYS)
    assert done.code == 0, done.err
    assert len(server.requests) == 6


def test_a_key_without_credit_is_skipped_for_good(project: ProjectFolder, server: FaultServer) -> None:
    def answer(request: Any) -> Steps:
        if request.headers["authorization"].endswith("0123"):
            return reply(429, {"error": {"message": "No credit.", "code": "insufficient_quota"}})
        return completion("fine")

    server.play(answer)
    declare(project, server, {"api_key_env": "KEY_B"})
    done = project.run("run", "--no-cache", "--jobs", "1", env=KEYS)
    assert done.code == 0, done.err
    assert keys(server) == {KEYS["KEY_A"]: 1, KEYS["KEY_B"]: 6}


def test_if_no_key_has_credit_the_run_stops(project: ProjectFolder, server: FaultServer) -> None:
    server.play(lambda _: reply(429, {"error": {"message": "No credit.", "code": "insufficient_quota"}}))
    declare(project, server, {"api_key_env": "KEY_B"})
    done = project.run("run", "--no-cache", "--jobs", "1", env=KEYS)
    assert done.code == 3
    assert len(server.requests) == 2
    assert "credit or quota is spent" in done.out


@pytest.mark.slow
def test_if_all_want_a_pause_it_is_the_shortest(
    project: ProjectFolder, server: FaultServer, other: FaultServer
) -> None:
    server.play(too_many("60"), echo)
    other.play(too_many("1"), echo)
    declare(project, server, {"base_url": other.base_url}, rows=2)
    done = project.run("run", "--no-cache", "--jobs", "1", env=KEYS)
    assert done.code == 0, done.err
    assert (len(server.requests), len(other.requests)) == (1, 3)


def test_the_answer_of_one_place_is_that_of_all_in_the_cache(
    project: ProjectFolder, server: FaultServer, other: FaultServer
) -> None:
    server.play(echo)
    other.play(echo)
    declare(project, server, {"base_url": other.base_url})
    assert project.run("run", "--jobs", "1", env=KEYS).code == 0
    assert project.run("run", "--jobs", "1", "--case", "c1", env=KEYS).code == 0
    assert len(server.requests) + len(other.requests) == 6


def test_no_key_of_any_place_is_stored_or_shown(
    project: ProjectFolder, server: FaultServer, other: FaultServer
) -> None:
    server.play(lambda _: completion(f"It is {KEYS['KEY_B']}."))
    other.play(lambda _: reply(401, {"error": {"message": f"Not {KEYS['KEY_A']}."}}))
    declare(project, server, {"base_url": other.base_url, "api_key_env": "KEY_B"})
    done = project.run("run", "--no-cache", "--jobs", "1", env=KEYS)
    written = b"".join(path.read_bytes() for path in project.folder.rglob("*") if path.is_file())
    for key in KEYS.values():
        assert key not in done.out + done.err
        assert key.encode() not in written
    [error] = {record["error"]["hint"] for record in done.records() if record["error"]}
    assert error == "check the key in KEY_A and KEY_B"


def test_each_place_needs_trust(project: ProjectFolder, server: FaultServer, other: FaultServer) -> None:
    declare(project, server, {"base_url": other.base_url})
    done = project.run("run", env={**KEYS, "RUNNER_TRUST": f"KEY_A@{server.base_url}"})
    assert (done.code, server.requests, other.requests) == (2, [], [])
    assert f"the variable KEY_A to {other.base_url}" in done.err


def test_a_key_of_any_place_that_is_not_set_sends_nothing(
    project: ProjectFolder, server: FaultServer
) -> None:
    declare(project, server, {"api_key_env": "KEY_B"})
    done = project.run("run", env={"KEY_A": KEYS["KEY_A"]})
    assert (done.code, server.requests) == (2, [])
    assert "the variable KEY_B, which is not set" in done.err


@pytest.mark.parametrize(
    ("places", "said"),
    [
        ([], "in_turn"),
        ([{}], "in_turn[0]"),
        ([{"rpm": 5}], "rpm"),
        ([{"base_url": "ftp://x"}], "base_url"),
        ([{"base_url": "https://x/v1/chat/completions"}], "in_turn[0].base_url includes the operation"),
        ([{"api_key_env": "KEY_A"}], "in_turn[0] is the same server with the same key"),
        ([{"api_key_env": "B"}, {"api_key_env": "B"}], "in_turn[1] is the same server with the same key"),
        ([{"api_key_env": "B", "api_key_command": ["x"]}], "has both api_key_env and api_key_command"),
        ([{"headers": {"x-api-key": "0123456789"}}], "looks like a key"),
    ],
)
def test_a_wrong_declaration_is_refused_at_its_place(
    project: ProjectFolder, server: FaultServer, places: list[dict[str, Any]], said: str
) -> None:
    declare(project, server, *places)
    done = project.run("check")
    assert done.code == 2
    assert said in done.err
    assert done.err.startswith("runner.yaml:")


def test_an_embedded_model_has_no_other_places(project: ProjectFolder, server: FaultServer) -> None:
    project.write("runner.yaml", "endpoints: {local: {in_turn: [{api_key_env: B}]}}\n")
    project.write("a.prompt.yaml", PROMPT)
    assert project.run("check").code == 2

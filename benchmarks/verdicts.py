"""How often `runner test --live` with `gate: {}` is wrong, and what it takes: the real commands against a loopback server.

    python benchmarks/verdicts.py --suites 50                # false alarms, detection, calls, many prompts
    python benchmarks/verdicts.py --embedded                 # are samples of the embedded model samples? (minutes)
    python benchmarks/verdicts.py --drift --suites 40        # nights: false alarms a year, nights until a drop is found
    python benchmarks/verdicts.py --nights                   # some of these nights through `runner drift` itself
    python benchmarks/verdicts.py --compare --suites 20      # `runner compare`: two arms of the same rates, and of others

Each suite draws the pass rates of its cases from a population, records a baseline and tests three times: nothing changed,
15 points lost over all cases, 15 points lost in few of them. Drawn from seeds: the same suites each time.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import json
import os
import random
import re
import tempfile
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

POPULATIONS = ("noisy", "stable", "hard")
CHANGES = ["none", "spread", "broken"]
LOST = 0.15
LABELS = ("payment", "delivery", "login", "bug")

PROMPT = """\
name: {name}
model: drawn
inputs: {{ticket: {{type: string}}}}
messages: [{{role: user, content: "{name}: {{{{ ticket }}}}"}}]
tests:
{tests}regression: {{gate: {gate}}}
"""


class Server:
    """Answers `case N` rightly with the chance that was set for it; the nth answer to a case is the same each time."""

    def __init__(self) -> None:
        self.rates: dict[str, Sequence[float]] = {}
        self.seeds: dict[str, object] = {}
        self.asked: Counter[tuple[str, int]] = Counter()
        self.calls: Counter[str] = Counter()
        self.other: Sequence[float] = ()
        """The rates of the model `other`."""
        self.port = 0
        self._ready = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True).start()
        self._ready.wait()

    def set(self, prompt: str, rates: Sequence[float], seed: object) -> None:
        self.rates[prompt], self.seeds[prompt] = rates, seed
        self.calls[prompt] = 0
        self.asked.clear()

    async def _run(self) -> None:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await server.serve_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(re.search(rb"content-length: (\d+)", head.lower()).group(1))  # type: ignore[union-attr]
                request = json.loads(await reader.readexactly(length))
                asked, model = request["messages"][-1]["content"], request["model"]
                body = json.dumps(
                    {
                        "id": "x", "object": "chat.completion", "created": 1, "model": "drawn-1",
                        "choices": [{"index": 0, "finish_reason": "stop",
                                     "message": {"role": "assistant", "content": self._answer(asked, model)}}],
                        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
                    }
                ).encode()  # fmt: skip
                writer.write(
                    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
                    % (len(body), body)
                )
                await writer.drain()
        writer.close()

    def _answer(self, asked: str, model: str) -> str:
        prompt, _, case = asked.partition(": case ")
        index = int(case)
        who, rates = (prompt, self.rates[prompt]) if model != "other" else (f"{prompt} other", self.other)
        draw = random.Random(repr((who, self.seeds[prompt], index, self.asked[who, index])))
        self.asked[who, index] += 1
        self.calls[prompt] += 1
        right = LABELS[index % 4]
        return right if draw.random() < rates[index] else LABELS[(index + 1 + draw.randrange(3)) % 4]


def population(kind: str, cases: int, draw: random.Random) -> list[float]:
    if kind == "noisy":
        return [draw.betavariate(8, 1) for _ in range(cases)]
    if kind == "hard":
        return [draw.betavariate(2, 1) for _ in range(cases)]
    return [1.0 if draw.random() < 0.8 else draw.betavariate(6, 2) for _ in range(cases)]


def changed(rates: Sequence[float], how: str, draw: random.Random) -> list[float]:
    """The same mean loss, spread over all cases in proportion, or in few cases that break altogether."""
    if how == "none":
        return list(rates)
    left = LOST * len(rates)
    if how == "spread":
        return [max(0.0, rate * (1 - left / sum(rates))) for rate in rates]
    after = list(rates)
    for index in draw.sample(range(len(rates)), len(rates)):
        lost = min(left, after[index])
        after[index] -= lost
        left -= lost
    return after


def write(folder: Path, names: Sequence[str], cases: int, port: int, gate: str) -> None:
    (folder / "runner.yaml").write_text(
        f"endpoint: drawn\nendpoints: {{drawn: {{base_url: 'http://127.0.0.1:{port}/v1'}}}}\n"
    )
    tests = "".join(
        f"  - {{id: c-{index:03d}, vars: {{ticket: case {index}}}, assert: [{{type: equals, value: {LABELS[index % 4]}}}]}}\n"
        for index in range(cases)
    )
    for name in names:
        (folder / f"{name}.prompt.yaml").write_text(PROMPT.format(name=name, tests=tests, gate=gate))


def run(folder: Path, *args: str) -> tuple[int, str]:
    """The real command line, in this process."""
    from runner.cli.main import cli

    out, before = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), Path.cwd()
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            code = cli(args=list(args), prog_name="runner")
    finally:
        os.chdir(before)
    out.flush()
    return code, out.buffer.getvalue().decode()  # type: ignore[attr-defined]


def suites(server: Server, kind: str, cases: int, count: int, gate: str) -> None:
    worse: Counter[str] = Counter()
    unsure: Counter[str] = Counter()
    calls: Counter[str] = Counter()
    for number in range(count):
        draw = random.Random(f"{kind}{cases}{number}")
        rates = population(kind, cases, draw)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write(folder, ["p"], cases, server.port, gate)
            server.set("p", rates, (number, "baseline"))
            code, said = run(folder, "baseline")
            assert code == 0, said
            for how in CHANGES:
                server.set("p", changed(rates, how, draw), (number, how))
                code, said = run(folder, "test", "--live")
                assert code in (0, 1), said
                worse[how] += code
                unsure[how] += "INCONCLUSIVE" in said
                calls[how] += server.calls["p"]
    cells = "  ".join(
        f"{how} {100 * worse[how] / count:5.1f} % worse, {100 * unsure[how] / count:4.1f} unsure, {calls[how] / count / cases:4.2f} samples"
        for how in CHANGES
    )
    print(f"{kind:6} {cases} cases, {count} suites: {cells}", flush=True)


def many_prompts(server: Server, prompts: int, cases: int, count: int, gate: str) -> None:
    red = 0
    names = [f"p{index}" for index in range(prompts)]
    for number in range(count):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write(folder, names, cases, server.port, gate)
            for each in names:
                kind = POPULATIONS[int(each[1:]) % 3]
                server.set(each, population(kind, cases, random.Random(f"{each}{number}")), number)
            code, said = run(folder, "baseline")
            assert code == 0, said
            code, said = run(folder, "test", "--live")
            assert code in (0, 1), said
            red += code
    print(f"{prompts} prompts of {cases} cases, nothing changed: {red} of {count} runs red", flush=True)


ISSUES = {
    "payment": ("I was charged twice", "The invoice is wrong", "My card was refused", "Where is my refund"),
    "delivery": ("The parcel is late", "The box came open", "It went to the neighbour", "No parcel came"),
    "login": ("The password is refused", "I get no code", "My account is locked", "The link has expired"),
    "bug": ("The page stays white", "The button does nothing", "The app crashes", "The total is negative"),
}
TAILS = ("since Monday.", "and nobody answers me.", "again, for the third time!")

TICKETS = """\
name: tickets
model: m
temperature: 0.7
inputs: {ticket: {type: string}}
messages:
  - {role: system, content: "Name the topic of the ticket: payment, delivery, login or bug."}
  - {role: user, content: "I paid and got no receipt."}
  - {role: assistant, content: '{"topic": "payment"}'}
  - {role: user, content: "The courier never rang."}
  - {role: assistant, content: '{"topic": "delivery"}'}
  - {role: user, content: "{{ ticket }}"}
response_format:
  type: json_schema
  json_schema:
    name: topic
    strict: true
    schema:
      type: object
      properties: {topic: {type: string, enum: [payment, delivery, login, bug]}}
      required: [topic]
      additionalProperties: false
tests:
"""


def embedded(repeat: int) -> None:
    """48 tickets at temperature 0.7, twice: how many cases vary, and are both runs equal to the byte?"""
    texts = [f"{start} {tail}" for starts in ISSUES.values() for start in starts for tail in TAILS]
    tests = "".join(
        f"  - {{id: t-{index:02d}, vars: {{ticket: {json.dumps(text)}}}}}\n"
        for index, text in enumerate(texts)
    )
    came = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "runner.yaml").write_text("endpoint: local\n")
        (folder / "tickets.prompt.yaml").write_text(TICKETS + tests)
        for number in range(2):
            file = folder / f"{number}.jsonl"
            run(folder, "run", "--repeat", str(repeat), "--no-cache", "--in-order", "--output", str(file))
            records = [json.loads(line) for line in file.read_text().splitlines()]
            came.append({(each["case"], each["sample"]): each["text"] for each in records})
    vary = sum(
        len({came[0].get((f"t-{index:02d}", sample)) for sample in range(repeat)}) > 1
        for index in range(len(texts))
    )
    same = "the same" if came[0] == came[1] else "NOT the same"
    print(
        f"embedded model, {len(texts)} cases x {repeat}, temperature 0.7: {vary} cases vary; a second run is {same}"
    )


def counts_of(rates: Sequence[float], samples: int, draw: random.Random) -> dict[str, tuple[int, int]]:
    return {
        f"c{index}": (sum(draw.random() < rate for _ in range(samples)), samples)
        for index, rate in enumerate(rates)
    }


def states_of(
    before: Sequence[float],
    after: Sequence[float],
    change: int,
    nights: int,
    samples: int,
    draw: random.Random,
) -> list[str]:
    from runner.verdict.nights import watch

    base, past, states = counts_of(before, 10, draw), [], []
    for night in range(nights):
        now = counts_of(after if night >= change else before, samples, draw)
        verdict = watch(base, past, now)
        assert verdict is not None
        states.append(verdict.state)
        past.append(now)
    return states


def alarms(states: Sequence[str]) -> int:
    """Nights of drift that do not follow another one."""
    return sum(now == "drift" != before for before, now in zip(["steady", *states[:-1]], states, strict=True))


def nights(kinds: Sequence[str], sizes: Sequence[int], samples: int, count: int) -> None:
    """120 nights of each project without a change, and how many nights a drop of 15 points takes to be found."""
    for kind in kinds:
        for cases in sizes:
            false = 0
            found: dict[str, list[int]] = {how: [] for how in CHANGES if how != "none"}
            for number in range(count):
                draw = random.Random(f"{kind}{cases}{samples}{number}")
                rates = population(kind, cases, draw)
                false += alarms(states_of(rates, rates, 1000, 120, samples, draw))
                for how, delays in found.items():
                    states = states_of(rates, changed(rates, how, draw), 10, 50, samples, draw)[10:]
                    delays.append(states.index("drift") + 1 if "drift" in states else 41)
            delays_of = "  ".join(f"{how} {sorted(each)[len(each) // 2]}" for how, each in found.items())
            print(
                f"{kind:6} {cases} x {samples}: {365 * false / (120 * count):.2f} false alarms a year;"
                f" nights until 15 points are found (median, 41: not within 40): {delays_of}",
                flush=True,
            )


def real_nights(server: Server, kinds: Sequence[str], count: int) -> None:
    """Through the command: 20 nights of 40 cases without a change, then until 15 points are found."""
    for kind in kinds:
        false, found = 0, []
        for number in range(count):
            draw = random.Random(f"night{kind}{number}")
            rates = population(kind, 40, draw)
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                write(folder, ["p"], 40, server.port, "{}")
                server.set("p", rates, (number, "baseline"))
                code, said = run(folder, "baseline")
                assert code == 0, said
                for night in range(20):
                    server.set("p", rates, (number, night))
                    code, said = run(folder, "drift", "-q")
                    assert code in (0, 1), said
                    false += code
                lost = changed(rates, "spread" if number % 2 else "broken", draw)
                for night in range(20, 60):
                    server.set("p", lost, (number, night))
                    code, said = run(folder, "drift", "-q")
                    if code:
                        break
                found.append(night - 19)
        print(
            f"runner drift, {kind} 40 x 1: {false} of {20 * count} nights without a change fail;"
            f" 15 points are found after {sorted(found)[len(found) // 2]} nights (median of {count})",
            flush=True,
        )


def comparisons(server: Server, kind: str, cases: int, count: int) -> None:
    """`runner compare --model a --model b`: how often each verdict is reached, and with how many samples."""
    words: dict[str, Counter[str]] = {how: Counter() for how in CHANGES}
    calls: Counter[str] = Counter()
    covered = 0
    for number in range(count):
        draw = random.Random(f"compare{kind}{cases}{number}")
        rates = population(kind, cases, draw)
        for how in CHANGES:
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                write(folder, ["p"], cases, server.port, "{}")
                other = changed(rates, how, draw)
                server.set("p", rates, (number, how))
                server.other = other
                code, said = run(
                    folder, "compare", "--model", "drawn", "--model", "other", "--format", "json", "-q"
                )
                assert code in (0, 1), said
                [contrast] = json.loads(said[said.index("{") :])["comparisons"][0]["contrasts"]
                words[how][contrast["verdict"]] += 1
                calls[how] += server.calls["p"]
                truth = (sum(other) - sum(rates)) / cases
                covered += contrast["low"] <= truth <= contrast["high"]
    cells = "  ".join(
        f"{how} {dict(words[how])}, {calls[how] / count / cases / 2:4.2f} samples" for how in CHANGES
    )
    share = 100 * covered / count / len(CHANGES)
    print(
        f"compare {kind:6} {cases} cases, {count} suites: {cells}; intervals cover {share:.0f} %", flush=True
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--suites", type=int, default=20, help="suites in each row")
    parser.add_argument("--cases", type=int, nargs="*", default=[20, 48])
    parser.add_argument("--kinds", nargs="*", default=list(POPULATIONS))
    parser.add_argument("--prompts", type=int, default=30, help="prompts in one run; 0 leaves that row out")
    parser.add_argument("--runs", type=int, default=5, help="runs of that many prompts")
    parser.add_argument("--gate", default="{}")
    parser.add_argument("--embedded", action="store_true", help="only the samples of the embedded model")
    parser.add_argument("--changes", nargs="*", default=list(CHANGES))
    parser.add_argument("--drift", action="store_true", help="only nights, simulated")
    parser.add_argument("--nights", action="store_true", help="only nights, through `runner drift`")
    parser.add_argument("--compare", action="store_true", help="only `runner compare`")
    parser.add_argument("--samples", type=int, default=1, help="samples of each case in a night")
    given = parser.parse_args()
    for name in ("CI", "OPENAI_BASE_URL", "GITHUB_ACTIONS"):
        os.environ.pop(name, None)
    os.environ |= {"RUNNER_TRUST": "1", "NO_COLOR": "1"}
    if given.embedded:
        embedded(5)
        return
    CHANGES[:] = given.changes
    if given.drift:
        nights(given.kinds, given.cases, given.samples, given.suites)
        return
    server = Server()
    if given.nights:
        real_nights(server, given.kinds, given.suites)
        return
    if given.compare:
        for cases in given.cases:
            for kind in given.kinds:
                comparisons(server, kind, cases, given.suites)
        return
    for cases in given.cases:
        for kind in given.kinds:
            suites(server, kind, cases, given.suites, given.gate)
    if given.prompts:
        many_prompts(server, given.prompts, 20, given.runs, given.gate)


if __name__ == "__main__":
    main()

"""How the process that renders begins, begins again and ends."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import FrameType

import pytest

from runner.errors import TemplateError, UsageError
from runner.isolation import supervisor
from runner.isolation.isolated_sandbox import Isolation
from runner.isolation.process import Process
from runner.isolation.process_limits import Limits
from runner.isolation.watch import resident_size
from tests.patience import PATIENCE, wait_until

from .support import (
    MIB,
    children,
    compiled,
    is_running,
    needs_posix,
    needs_proc,
    python,
    rendered,
    wait_for_the_end_of,
)
from .test_bombs import LARGE, SLOW, TWO

pytestmark = pytest.mark.slow

STUCK = TWO + "{{ n.v == n.w }}"
ON_DEMAND = "{% if x is defined %}" + STUCK + "{% endif %}{{ a }}!"

PARENT = """
import sys
from tests.isolation.support import children, compiled, rendered
from runner.isolation.isolated_sandbox import Isolation
from runner.isolation.process_limits import Limits

isolation = Isolation(Limits(seconds=5))
assert rendered(isolation, "{{ a }}!", a=1) == "1!"
print(*children(), flush=True)
"""


@needs_proc
def test_the_process_ends_when_it_is_closed_and_leaves_nothing_behind() -> None:
    before, threads = children(), set(threading.enumerate())
    with Isolation() as isolation:
        assert rendered(isolation, "{{ a }}!", a=1) == "1!"
        [pid] = children() - before
    assert not is_running(pid)
    assert children() == before
    wait_until(lambda: not set(threading.enumerate()) - threads)


@needs_proc
def test_the_process_ends_when_nobody_holds_it_any_more() -> None:
    before = children()
    isolation = Isolation()
    prompt = compiled(isolation, "{{ a }}!")
    [pid] = children() - before
    del isolation
    gc.collect()
    assert prompt.render({"a": 1})[0]["content"] == "1!"
    del prompt
    gc.collect()
    assert not is_running(pid)


def test_what_is_closed_renders_no_more() -> None:
    isolation = Isolation()
    prompt = compiled(isolation, "{{ a }}!")
    isolation.close()
    isolation.close()
    with pytest.raises(UsageError, match="closed"):
        prompt.render({"a": 1})


@needs_proc
@pytest.mark.parametrize("ending", ["", "isolation.close()", "del isolation", "sys.exit(3)", "1 / 0"])
def test_the_process_ends_with_the_program_and_without_a_warning(ending: str) -> None:
    with python(PARENT + ending) as process:
        out, err = process.communicate(timeout=PATIENCE)
    assert not is_running(int(out))
    assert "Warning" not in err
    assert "Exception ignored" not in err
    assert err == "" or "ZeroDivisionError" in err


@needs_proc
def test_the_process_ends_when_its_parent_is_killed() -> None:
    with python(PARENT + "input()") as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert is_running(pid)
        process.kill()
        process.wait()
        wait_for_the_end_of(pid)


@needs_proc
@pytest.mark.parametrize("bomb", [STUCK, SLOW["a search in each turn"]])
def test_the_process_ends_in_the_middle_of_a_bomb_when_its_parent_is_killed(bomb: str) -> None:
    code = f"compiled(isolation, {'{% set l = range(100000) | list %}' + bomb!r}).render({{}})"
    with python(PARENT + code) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        time.sleep(0.3)
        process.kill()
        process.wait()
        wait_for_the_end_of(pid)


@needs_proc
def test_a_fork_gets_a_process_of_its_own() -> None:
    code = """
import os
prompt = compiled(isolation, "{{ a }}!")
one, = children()
read, write = os.pipe()
if (fork := os.fork()) == 0:
    texts = {prompt.render({"a": n})[0]["content"] for n in range(100)}
    other, = children()
    os.write(write, f"{len(texts)} {other != one}".encode())
    isolation.close()
    os._exit(0)
texts = {prompt.render({"a": n})[0]["content"] for n in range(100)}
os.waitpid(fork, 0)
print(os.read(read, 100).decode(), len(texts), children() == {one})
"""
    with python(PARENT + code) as process:
        out, err = process.communicate(timeout=PATIENCE)
    assert err == ""
    assert out.splitlines()[1] == "100 True 100 True"


def test_threads_may_share_a_prompt() -> None:
    with Isolation() as isolation, ThreadPoolExecutor(8) as threads:
        prompt = compiled(isolation, "{% for i in range(20) %}{{ a }}{% endfor %}")
        texts = threads.map(lambda n: prompt.render({"a": n})[0]["content"], range(400))
        assert list(texts) == [str(n) * 20 for n in range(400)]


def test_after_a_bomb_the_other_cases_of_a_prompt_are_rendered() -> None:
    with Isolation(Limits(seconds=1.5)) as isolation:
        prompt = compiled(isolation, ON_DEMAND)
        for n in range(3):
            assert prompt.render({"a": n})[0]["content"] == f"{n}!"
            with pytest.raises(TemplateError, match=r"takes longer than 1\.5 seconds"):
                prompt.render({"a": n, "x": 1})
        assert prompt.render({"a": "z"})[0]["content"] == "z!"


def test_after_a_bomb_included_files_are_there_again() -> None:
    with Isolation(Limits(seconds=1.5)) as isolation:
        prompt = compiled(isolation, ON_DEMAND + "{% include 'i' %}", files={"i": "{{ b }}?"})
        with pytest.raises(TemplateError):
            prompt.render({"a": 1, "b": 2, "x": 1})
        assert prompt.render({"a": 1, "b": 2})[0]["content"] == "1!2?"


def test_the_text_that_failed_is_the_one_that_is_told() -> None:
    with Isolation(Limits(seconds=1.5)) as isolation:
        prompt = compiled(isolation, "{{ a }}!", "fixed", "{{ a }}", ON_DEMAND, "{{ a }}!")
        with pytest.raises(TemplateError) as caught:
            prompt.render({"a": 1, "x": 1})
    assert caught.value.message == "messages[3]: the template takes longer than 1.5 seconds"
    assert str(caught.value.location) == "p.prompt.yaml:13"


def test_a_prompt_that_goes_on_breaking_the_limits_is_given_up() -> None:
    with Isolation(Limits(seconds=1.5), patience=2) as isolation:
        prompt, other = compiled(isolation, ON_DEMAND), compiled(isolation, "{{ a }}!")
        bomb = {"a": 1, "x": 1}
        with pytest.raises(TemplateError, match="takes longer"):
            prompt.render(bomb)
        assert prompt.render({"a": 1})[0]["content"] == "1!"  # not twice in a row
        for _ in range(2):
            with pytest.raises(TemplateError, match="takes longer"):
                prompt.render(bomb)
        for _ in range(100):
            with pytest.raises(
                TemplateError, match="exceeded its limits 2 times and will not be rendered again"
            ):
                prompt.render(bomb)
        assert other.render({"a": 1})[0]["content"] == "1!"


def test_the_time_is_that_of_one_rendering_and_not_of_all() -> None:
    with Isolation(Limits(seconds=5)) as isolation:
        prompt = compiled(isolation, "{% for i in range(300000 // 5) %}{% endfor %}{{ a }}!")
        started = time.process_time()
        texts = {prompt.render({"a": n})[0]["content"] for n in range(100)}
        assert len(texts) == 100
        assert time.process_time() - started < 30


@needs_posix
def test_an_answer_that_was_not_waited_for_is_not_taken_for_the_next_one() -> None:
    class Stop(BaseException):
        pass

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise Stop

    before = signal.signal(signal.SIGALRM, stop)
    try:
        with Isolation(Limits(seconds=30)) as isolation:
            prompt = compiled(
                isolation, "{% for i in range(100000) %}{{ '' if a else '' }}{% endfor %}{{ a }}!"
            )
            signal.setitimer(signal.ITIMER_REAL, 0.02)
            with pytest.raises(Stop):
                while True:
                    prompt.render({"a": 1})
            assert prompt.render({"a": 2})[0]["content"] == "2!"
    finally:
        signal.signal(signal.SIGALRM, before)


@needs_proc
def test_a_process_that_died_in_its_sleep_is_replaced() -> None:
    before = children()
    with Isolation() as isolation:
        prompt = compiled(isolation, "{{ a }}!")
        [pid] = children() - before
        os.kill(pid, signal.SIGKILL)
        wait_for_the_end_of(pid)
        assert prompt.render({"a": 1})[0]["content"] == "1!"


@needs_posix
def test_a_prompt_does_not_want_for_memory_that_other_prompts_take() -> None:
    with Isolation(Limits(memory=8 * MIB)) as isolation:
        prompts = [compiled(isolation, "x" * 200_000 + "{{ a }}" + str(n)) for n in range(80)]
        for n, prompt in enumerate(prompts):
            assert str(prompt.render({"a": "y"})[0]["content"]).endswith(f"xy{n}")


@needs_posix
def test_values_that_do_not_fit_are_an_error_about_memory() -> None:
    with Isolation(Limits(memory=24 * MIB)) as isolation:
        prompt = compiled(isolation, "{{ a | length }}")
        for _ in range(2):
            with pytest.raises(
                TemplateError, match=r"messages\[0\]: the template needs more memory than is available"
            ):
                prompt.render({"a": "x" * 20 * MIB})
            assert prompt.render({"a": "xyz"})[0]["content"] == "3"


def test_an_error_that_quotes_what_the_template_made_is_cut() -> None:
    with Isolation() as isolation:
        prompt = compiled(isolation, "{{ {}['x' | center(4000000)] }}")
        with pytest.raises(TemplateError, match="the object has no key") as caught:
            prompt.render({})
        assert len(caught.value.message) < 2_000
        with pytest.raises(ValueError, match="the object has no key"):
            isolation.expression("vars['x' | center(4000000)] + 1", names=frozenset({"vars"})).evaluate(
                vars={}
            )


@needs_posix
def test_where_the_system_does_not_limit_memory_it_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (resident_size(os.getpid()) or 0) > MIB
    assert resident_size(2**22 + 1) is None
    monkeypatch.setattr(supervisor, "Process", partial(Process, kernel_limits_memory=False))
    with Isolation(Limits(memory=192 * MIB, seconds=30)) as isolation:
        prompt = compiled(isolation, LARGE["lists in lists"])
        with pytest.raises(TemplateError, match="needs more memory than is available") as caught:
            prompt.render({})
        assert str(caught.value.location) == "p.prompt.yaml:4"
        assert rendered(isolation, "{{ a }}!", a=1) == "1!"


@needs_posix
def test_memory_that_cannot_be_watched_is_no_isolation(monkeypatch: pytest.MonkeyPatch) -> None:
    from runner.errors import ConfigError
    from runner.isolation import process

    monkeypatch.setattr(supervisor, "Process", partial(Process, kernel_limits_memory=False))
    monkeypatch.setattr(process, "resident_size", lambda _pid: None)
    with Isolation() as isolation, pytest.raises(ConfigError, match="its memory cannot be watched"):
        isolation.start()

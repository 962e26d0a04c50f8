"""packs.lock: one spelling for one content, read back as it was written, and nothing else is taken for one."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.errors import Problems, RunnerError, StalePackError
from runner.packs.file_rules import path_fault
from runner.packs.lock import Lock, LockedPack, read_lock, write_lock
from runner.packs.requirement import SOURCE_KEYS
from runner.packs.tree_hash import integrity

printable = st.sampled_from([char for char in map(chr, range(0x20, 0x3000)) if char.isprintable()])
texts = st.text(st.sampled_from("ab1.0e-+/:#@ ,'\"{}[]&*!|>%yn~=é") | printable, min_size=1, max_size=12)
words = texts | st.sampled_from(
    ["true", "No", "null", "1e3", "1.0", "2024-01-01", "12:30", "~", "0x1f", "- a", "on"]
)
digests = st.binary(min_size=32, max_size=32).map(lambda data: f"sha256:{data.hex()}")
paths = st.lists(texts, min_size=1, max_size=3).map("/".join).filter(lambda path: path_fault(path) is None)
aliases = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)


@st.composite
def packs(draw: st.DrawFn) -> LockedPack:
    files = {"pack.yaml": draw(digests), **draw(st.dictionaries(paths, digests, max_size=3))}
    source = draw(st.dictionaries(st.sampled_from(SOURCE_KEYS), words, min_size=1))
    commit = draw(
        st.none() | st.text("0123456789abcdef", min_size=40, max_size=40) | st.just("1" * 37 + "e23")
    )
    return LockedPack(source, draw(words), draw(words), integrity(files), files, commit)


locks = st.dictionaries(aliases, packs(), max_size=3).map(Lock)


@pytest.mark.slow
@settings(max_examples=40)
@given(locks)
def test_what_is_written_is_read_back(lock: Lock) -> None:
    text = write_lock(lock)
    read = read_lock(text.encode(), "packs.lock")
    assert read == lock
    assert write_lock(read) == text


@pytest.mark.slow
@settings(max_examples=40)
@given(locks)
def test_every_reader_of_yaml_reads_the_same(lock: Lock) -> None:
    """Not only ours, which follows YAML 1.2: that of YAML 1.1 takes more words for something else than text."""
    spec = yaml.safe_load(write_lock(lock))
    assert spec["format"] == 1
    assert {alias: entry["files"] for alias, entry in spec["packs"].items()} == {
        alias: pack.files for alias, pack in lock.packs.items()
    }
    for alias, pack in lock.packs.items():
        entry = spec["packs"][alias]
        assert (entry["source"], entry["name"], entry["version"]) == (pack.source, pack.name, pack.version)
        assert entry.get("commit") == pack.commit


@pytest.mark.slow
@settings(max_examples=40)
@given(locks, st.randoms())
def test_the_order_in_which_it_was_gathered_does_not_show(lock: Lock, random: object) -> None:
    def shuffled(mapping: dict) -> dict:
        keys = list(mapping)
        random.shuffle(keys)  # type: ignore[attr-defined]
        return {key: mapping[key] for key in keys}

    other = {
        alias: LockedPack(
            shuffled(dict(pack.source)),
            pack.name,
            pack.version,
            pack.integrity,
            shuffled(dict(pack.files)),
            pack.commit,
        )
        for alias, pack in shuffled(dict(lock.packs)).items()
    }
    assert write_lock(Lock(other)) == write_lock(lock)


@pytest.mark.slow
@settings(max_examples=40)
@given(locks)
def test_it_is_sorted_and_ends_its_lines_with_lf(lock: Lock) -> None:
    text = write_lock(lock)
    assert text.isprintable() or "\n" in text
    assert "\r" not in text
    assert text.endswith("\n")
    assert list(yaml.safe_load(text)["packs"]) == sorted(lock.packs)


FILES = {"pack.yaml": "sha256:" + "a" * 64, "prompts/a.prompt.yaml": "sha256:" + "b" * 64}
GOOD = write_lock(
    Lock(
        {
            "support": LockedPack(
                {"git": "https://x.example/a.git", "rev": "1.0"},
                "acme",
                "1.4.0",
                integrity(FILES),
                FILES,
                "c" * 40,
            )
        }
    )
)


def test_it_reads_like_this() -> None:
    assert (
        "# Which packs this project uses, exactly. Written by runner pack; keep it in git and do not edit it.\n"
        "format: 1\n"
        "packs:\n"
        "  support:\n"
        "    source:\n"
        "      git: https://x.example/a.git\n"
        '      rev: "1.0"\n'
        f"    commit: {'c' * 40}\n"
        "    name: acme\n"
        "    version: 1.4.0\n"
        "    integrity: h1:MA9/X65oGVFId+6VKCspuHJvbmJndarsKvLaq0l8Ke8=\n"
        "    files:\n"
        f"      pack.yaml: sha256:{'a' * 64}\n"
        f"      prompts/a.prompt.yaml: sha256:{'b' * 64}\n"
    ) == GOOD


def test_line_ends_of_a_checkout_do_not_matter() -> None:
    assert read_lock(GOOD.replace("\n", "\r\n").encode(), "packs.lock") == read_lock(
        GOOD.encode(), "packs.lock"
    )


HINT = "packs.lock is written by runner: undo the edit, or delete the file and run runner pack lock"


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("format: 1", "format: 2", "packs.lock:2:9: packs.lock was written by a newer runner (format 2; this one reads up to 1): upgrade runner (pip install --upgrade prompt-runner)"),
        ("    name: acme\n", "", 'packs.lock:5:5: packs.support needs "name"'),
        ("    name:", "    nam:", f'packs.lock:9:5: unknown key "nam" in packs.support ({HINT})'),
        ("      rev:", "      tag:", f"packs.lock:7:7: packs.support.source cannot have the key tag ({HINT})"),
        ("commit: c", "commit: C", "packs.lock:8:13: packs.support.commit is not valid: "),
        ("sha256:bb", "sha256:Bb", f"packs.lock:14:7: packs.support: prompts/a.prompt.yaml: its hash is not a sha256 ({HINT})"),
        ("prompts/a.prompt.yaml:", "../a.prompt.yaml:", f"packs.lock:14:7: packs.support: ../a.prompt.yaml: the path has an empty part, `.` or `..` ({HINT})"),
        ("      pack.yaml:", "      pock.yaml:", f"packs.lock:13:7: packs.support has no pack.yaml ({HINT})"),
        ("sha256:bb", "sha256:cb", f"packs.lock:11:16: packs.support.integrity does not match its files: one of them was edited by hand ({HINT})"),
        (GOOD, "", f"packs.lock:1:1: the file is empty ({HINT})"),
        (GOOD[GOOD.index("      pack.yaml"):], "", f"packs.lock:12:11: packs.support.files must be an object, not null ({HINT})"),
        ("    files:\n", "    signature: x\n    files:\n", 'packs.lock:12:5: unknown key "signature" in packs.support'),
    ],
)  # fmt: skip
def test_what_no_lock_of_ours_says_is_refused_at_its_line(before: str, after: str, told: str) -> None:
    text = GOOD.replace(before, after, 1)
    assert text != GOOD
    with pytest.raises(RunnerError) as caught:
        read_lock(text.encode(), "packs.lock")
    error = caught.value
    first = error.errors[0] if isinstance(error, Problems) else error
    assert str(first).startswith(told)
    assert error.exit_code == 2


def test_a_merge_that_is_not_done_is_told_as_such() -> None:
    with pytest.raises(
        StalePackError, match=r"^packs\.lock:5:1: this file has git conflict markers"
    ) as caught:
        read_lock(GOOD.replace("  support:\n", "  support:\n<<<<<<< HEAD\n").encode(), "packs.lock")
    assert caught.value.exit_code == 4

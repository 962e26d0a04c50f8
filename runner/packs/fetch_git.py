"""A pack in a git repository: a tag, a branch or a commit is looked up, fetched, and read from git's objects.

Nothing is ever checked out, so that no filter, no line end conversion, no link, no submodule and no hook takes part.
Git runs with its user's configuration, because that is where the way to a private repository stands; what could run a
program of the repository's, or reach another place than the one that was named, is switched off.
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ..errors import FetchError, StorageError
from ..files.pack_sources import is_local_repository
from ..processes.git import (
    DISTRUSTED_HINT,
    fetching_environment,
    git_command,
    is_distrusted,
    read_blob,
    tree_entries,
)
from ..processes.start import Finished, StillRunningError, TooMuchOutputError, run
from .collect import Listing
from .file_rules import MAX_BYTES, MAX_FILES, Entry

__all__ = ["find_in_git", "tag_commit"]

MAX_FETCHED_BYTES = 500 * 1024 * 1024
SECONDS = 600
QUICK_SECONDS = 20

_MOST_LISTED = 16 * 1024 * 1024
"""Bytes of the names of a commit's files: a tree of a few kilobytes can be made to list a thousand million."""

_MOST_SAID = 1024 * 1024
_MOST_READ = MAX_BYTES + MAX_FILES * 1024
"""The files of a pack, each with a line before it."""

_COMMIT = re.compile(r"[0-9a-f]{40}")
_HERE = "refs/runner/rev"

_SETTINGS = (
    "http.followRedirects=false",  # a host that was not named gets nothing, least of all credentials
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=60",
    "fetch.recurseSubmodules=false",
)


@contextlib.contextmanager
def find_in_git(
    source: Mapping[str, str], root: Path, *, prefix: str, commit: str | None = None, published: bool = False
) -> Iterator[Listing]:
    """What stands in the pack's folder of a repository, in the commit that `rev` means now, or in `commit`.

    With `published` that has to be one that `rev` has come to: the commit itself, the tag's, or one in the branch.

    It can be read while the context lasts. `root` is where a relative path to a repository starts. Raises FetchError
    where the repository cannot be asked or does not have what was asked for.
    """
    with _temporary_folder() as folder:
        git = _Git(Path(folder), root, source["git"])
        git.run("init", "--quiet", "--bare", "--template=", folder)
        if commit is None:
            found, tag = git.fetch_rev(source["rev"])
        elif published:
            found, tag = git.fetch_published(commit, source["rev"]), None
        else:
            found, tag = git.fetch_commit(commit), None
        below = source.get("subdirectory", "").rstrip("/")
        yield Listing(git.entries(found, below), git.reader(found, below), prefix, found, tag)


def tag_commit(source: Mapping[str, str], root: Path) -> str | None:
    """The commit that a tag means in its repository now; None where `rev` is no tag there. Asks nobody for a password.

    Raises FetchError where the repository cannot be asked, or has nothing of that name any longer.
    """
    rev = source["rev"]
    name = rev if rev.startswith("refs/") else f"refs/tags/{rev}"
    if _COMMIT.fullmatch(rev) or not name.startswith("refs/tags/"):
        return None
    with _temporary_folder() as folder:
        git = _Git(Path(folder), root, source["git"], quick=True)
        refs = git.refs(rev)
        if not refs:
            raise FetchError(f"{source['git']} has no tag and no branch {rev} any longer")
        return refs.get(f"{name}^{{}}") or refs.get(name)


@contextlib.contextmanager
def _temporary_folder() -> Iterator[str]:
    """A folder for a repository, gone afterwards. Raises StorageError where the system has no place for one."""
    try:
        folder = tempfile.TemporaryDirectory(prefix="runner-pack-", ignore_cleanup_errors=True)
    except OSError as error:
        raise StorageError(
            f"there is no place for temporary files: {error.strerror or error}",
            hint="TMPDIR names a folder for them",
        ) from None
    with folder as name:
        yield name


class _Git:
    """Git commands in a repository of their own, and what they say when they fail.

    `shown` is the repository as the project at `root` names it; `quick` commands answer soon or not at all, and never
    ask a person.
    """

    def __init__(self, folder: Path, root: Path, shown: str, *, quick: bool = False) -> None:
        self._folder = folder
        self._address = _address(shown, root)
        self._shown = shown
        self._quick = quick
        self._environ = environ = fetching_environment([root])
        try:
            self._program = git_command([root], *_SETTINGS)
        except FileNotFoundError:
            raise _no_git("git is not installed, or not on the PATH") from None
        if quick:
            # Whoever is asked for a password or a passphrase says no by himself.
            self._environ |= {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "", "SSH_ASKPASS_REQUIRE": "never"}
            if "GIT_SSH" not in environ and not self._finish("config", "--get", "core.sshCommand").stdout:
                self._environ.setdefault("GIT_SSH_COMMAND", "ssh -o BatchMode=yes")
        elif not (sys.stdin.isatty() and sys.stderr.isatty()):
            self._environ["GIT_TERMINAL_PROMPT"] = "0"

    def run(self, *args: str, given: bytes = b"", most: int = _MOST_SAID) -> bytes:
        """What a command prints. Raises FetchError with what it says where it fails, is too slow or fetches too much."""
        try:
            done = self._finish(*args, given=given, most=most)
        except TooMuchOutputError:
            raise FetchError(f"{self._shown} answers with more than {most // 2**20} MiB") from None
        if done.returncode:
            raise self._failure(done.stderr.decode(errors="replace"))
        return done.stdout

    def refs(self, rev: str) -> dict[str, str]:
        """The tags and branches of the repository that `rev` may mean, annotated tags also by their commit (`^{}`)."""
        names = [rev] if rev.startswith("refs/") else [f"refs/tags/{rev}", f"refs/heads/{rev}"]
        patterns = [pattern for name in names for pattern in (name, f"{name}^{{}}")]
        lines = self.run("ls-remote", "--quiet", "--", self._address, *patterns).decode(errors="replace")
        found = [line.split("\t", 1) for line in lines.splitlines() if "\t" in line]
        # A pattern also matches the ends of longer names.
        return {name: commit for commit, name in found if name in patterns}

    def fetch_rev(self, rev: str) -> tuple[str, str | None]:
        """Fetch what a tag, a branch or a commit means; the commit, and the name of the tag if it was one."""
        if _COMMIT.fullmatch(rev):
            return self._fetch_reachable(rev), None
        refs = [name for name in self.refs(rev) if not name.endswith("^{}")]
        if not refs:
            raise FetchError(
                f"{self._shown} has no tag and no branch {rev}",
                hint="look at its tags, or name one of its commits by all 40 digits",
            )
        if len(refs) > 1:
            raise FetchError(
                f"{rev} is a tag and a branch of {self._shown}",
                hint=f"write refs/tags/{rev} or refs/heads/{rev}",
            )
        self._fetch("--depth=1", f"+{refs[0]}:{_HERE}")
        commit = self.run("rev-parse", "--verify", "--quiet", f"{_HERE}^{{commit}}").decode().strip()
        tag = refs[0].removeprefix("refs/tags/")
        return commit, tag if tag != refs[0] else None

    def fetch_commit(self, commit: str) -> str:
        """Fetch a commit that was locked, whatever tags and branches mean by now."""
        try:
            self._fetch("--depth=1", f"+{commit}:{_HERE}")
        except FetchError:
            # A server may refuse to give a commit by its name: then what it does give has to contain it.
            return self._fetch_reachable(commit)
        return commit

    def fetch_published(self, commit: str, rev: str) -> str:
        """Fetch a commit that was locked, if `rev` is that commit, a tag that means it, or a branch that contains it."""
        if _COMMIT.fullmatch(rev):
            return self._fetch_reachable(commit)
        names = [name for name in self.refs(rev) if not name.endswith("^{}")]
        if not names:
            raise FetchError(f"{self._shown} has no tag and no branch {rev} any longer")
        return self._fetch_reachable(commit, names)

    def entries(self, commit: str, below: str) -> list[Entry]:
        """Everything in a folder of a commit, by its path from there. Raises FetchError where there is no such folder."""
        start = f"{commit}:{below}" if below else commit
        command = ("ls-tree", "-r", "-l", "-z", "--full-tree", "--end-of-options", start)
        try:
            listed = self._finish(*command, most=_MOST_LISTED)
        except TooMuchOutputError:
            raise FetchError(
                f"{self._shown} has too many files in {commit[:12]}: their names alone are more than"
                f" {_MOST_LISTED // 2**20} MiB",
                hint="a pack that shares its repository has a folder of its own: name it as `subdirectory`",
            ) from None
        if listed.returncode:
            raise FetchError(
                f"{self._shown} has no folder {below} in {commit[:12]}", hint="look at `subdirectory`"
            )
        entries: list[Entry] = []
        for entry in tree_entries(listed.stdout):
            # What is not UTF-8 stays in escapes, which no path of a pack may have.
            path = entry.path.decode("utf-8", "backslashreplace")
            entries.append(Entry(path, entry.size or 0, entry.kind))
        return entries

    def reader(self, commit: str, below: str) -> _Reader:
        """Reads files of a folder of a commit."""
        return _Reader(self, f"{commit}:{below}/" if below else f"{commit}:")

    # --- talking to the server --------------------------------------------------------------------------------------

    def _fetch(self, *args: str) -> None:
        options, refspecs = (
            [arg for arg in args if arg.startswith("--")],
            [arg for arg in args if arg[0] == "+"],
        )
        command = ("fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head")
        self.run(*command, *options, "--end-of-options", self._address, *refspecs)

    def _fetch_reachable(self, commit: str, names: Sequence[str] = ("refs/heads/*", "refs/tags/*")) -> str:
        """Fetch branches and tags, all of them by default, and find the commit in one of them.

        A server that keeps forks together gives any commit of any of them for its name alone. One that is in no branch
        and no tag of the repository that was named was not published there.
        """
        self._fetch(*(f"+{name}:{name}" for name in names))
        try:
            found = self.run("for-each-ref", "--count=1", "--format=%(refname)", f"--contains={commit}")
        except FetchError:
            found = b""
        if not found.strip():
            where = "any branch or tag" if "refs/heads/*" in names else " or ".join(names)
            raise FetchError(
                f"{self._shown} has no commit {commit} in {where}",
                hint="it may have been taken back, or belong to somebody's fork",
            )
        return commit

    def _finish(self, *args: str, given: bytes = b"", most: int = _MOST_SAID) -> Finished:
        # `init` makes the repository, in which everything else is done.
        place = [] if args[0] == "init" else [f"--git-dir={self._folder}"]
        try:
            return run(
                [*self._program, *place, *args],
                self._environ,
                most=most,
                given=given,
                seconds=QUICK_SECONDS if self._quick else SECONDS,
                watch=self._look_at_the_disk,
            )
        except StillRunningError:
            raise FetchError(f"{self._shown} did not answer in time", hint="try it again later") from None
        except OSError as error:
            raise _no_git(f"git cannot be started: {error}") from None

    def _look_at_the_disk(self) -> None:
        if _size(self._folder) > MAX_FETCHED_BYTES:
            raise FetchError(
                f"{self._shown} sends more than {MAX_FETCHED_BYTES // 2**20} MiB",
                hint="a tag or a branch is fetched without its history: name one in place of a commit",
            )

    def _failure(self, said: str) -> FetchError:
        lines = [line for line in said.splitlines() if line.strip() and not line.startswith("warning:")]
        first = next((line for line in lines if line.startswith(("fatal:", "error:"))), (lines or [""])[0])
        # The server may repeat the address, and a rewritten one (url.insteadOf) may hold a password.
        reason = re.sub(r"(?<=://)[^/@\s']+@", "", first.partition(": ")[2] or first)
        hint = None
        if re.search(r"redirect|returned error: 30\d", said):
            hint = "it has moved: write its new address; redirects are not followed"
        elif re.search(
            r"terminal prompts disabled|Authentication failed|Permission denied|could not read", said
        ):
            hint = "git needs credentials of yours for it: a credential helper, or an SSH key"
        elif "mismatched algorithms" in said:
            hint = "packs come from repositories that name their commits by SHA-1, in 40 digits"
        elif is_distrusted(said):
            hint = DISTRUSTED_HINT
        return FetchError(
            f"{self._shown} cannot be fetched: {reason or 'git failed without a word'}", hint=hint
        )


class _Reader:
    """Files by their path, read in one go."""

    def __init__(self, git: _Git, start: str) -> None:
        self._git = git
        self._start = start

    def __call__(self, entries: Sequence[Entry]) -> Mapping[str, bytes]:
        names = "".join(f"{self._start}{entry.path}\n" for entry in entries)
        out = self._git.run("cat-file", "--batch", given=names.encode(), most=_MOST_READ)
        stream = io.BytesIO(out)
        files: dict[str, bytes] = {}
        for entry in entries:
            found = read_blob(stream, len(out))
            if found is None:
                raise FetchError(f"git does not have {entry.path}, which the commit names")
            files[entry.path] = found[1]
        return files


def _no_git(message: str) -> FetchError:
    return FetchError(message, hint="packs from git need it")


def _address(url: str, root: Path) -> str:
    """The URL for git, which runs in another folder than the one that a path is relative to."""
    return str((root / url).resolve()) if is_local_repository(url) else url


def _size(folder: Path) -> int:
    size = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # git renames its files while they are counted
            size += path.lstat().st_size
    return size

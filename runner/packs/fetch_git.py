"""Fetch a pack from a git repository: look up a tag, branch or commit, fetch it, and read git's objects.

Nothing is ever checked out, so that no filter, line end conversion, link, submodule or hook is involved. Git runs with
the user's configuration, because private repositories are configured there; settings that could run a program of the
repository's or contact another host are switched off.
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
from .file_rules import MAX_BYTES, MAX_FILES, SourceEntry
from .listing import Listing

__all__ = ["find_in_git", "tag_commit"]

MAX_FETCHED_BYTES = 500 * 1024 * 1024
SECONDS = 600
QUICK_SECONDS = 20

_MOST_LISTED = 16 * 1024 * 1024
"""Maximum size of the names of a commit's files; a crafted tree of a few kilobytes can list a billion of them."""

_MOST_PRINTED = 1024 * 1024
_MOST_READ = MAX_BYTES + MAX_FILES * 1024
"""The files of a pack, each preceded by a line."""

_COMMIT = re.compile(r"[0-9a-f]{40}")
_HERE = "refs/runner/rev"

_SETTINGS = (
    "http.followRedirects=false",  # no request, and above all no credentials, to a host that the user did not name
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=60",
    "fetch.recurseSubmodules=false",
)


@contextlib.contextmanager
def find_in_git(
    source: Mapping[str, str], root: Path, *, prefix: str, commit: str | None = None, published: bool = False
) -> Iterator[Listing]:
    """List the pack's folder of a repository, at the commit that `rev` currently means, or at `commit`.

    With `published` the commit must be reachable from `rev`: the commit itself, the tag's, or one in the branch.

    The listing can be read while the context lasts. `root` is what a relative path of a repository is relative to.
    Raises FetchError if the repository cannot be read or does not have the commit or the folder.
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
    """Return the current commit of a tag in its repository, or None if `rev` is not a tag. Never prompts for a password.

    Raises FetchError if the repository cannot be read, or no longer has such a tag or branch.
    """
    rev = source["rev"]
    name = rev if rev.startswith("refs/") else f"refs/tags/{rev}"
    if _COMMIT.fullmatch(rev) or not name.startswith("refs/tags/"):
        return None
    with _temporary_folder() as folder:
        git = _Git(Path(folder), root, source["git"], quick=True)
        refs = git.refs(rev)
        if not refs:
            raise FetchError(f"{source['git']} no longer has a tag or branch {rev}")
        return refs.get(f"{name}^{{}}") or refs.get(name)


@contextlib.contextmanager
def _temporary_folder() -> Iterator[str]:
    """Create a folder for a repository and delete it afterwards. Raises StorageError if it cannot be created."""
    try:
        folder = tempfile.TemporaryDirectory(prefix="runner-pack-", ignore_cleanup_errors=True)
    except OSError as error:
        raise StorageError(
            f"no temporary folder can be created: {error.strerror or error}",
            hint="set TMPDIR to a folder for temporary files",
        ) from None
    with folder as name:
        yield name


class _Git:
    """Runs git commands in a temporary repository and turns their failures into FetchError.

    `shown` is the repository as the project at `root` names it; `quick` commands have a short timeout and never prompt.
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
            # Every prompt for a password or a passphrase is refused.
            self._environ |= {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "", "SSH_ASKPASS_REQUIRE": "never"}
            if "GIT_SSH" not in environ and not self._finish("config", "--get", "core.sshCommand").stdout:
                self._environ.setdefault("GIT_SSH_COMMAND", "ssh -o BatchMode=yes")
        elif not (sys.stdin.isatty() and sys.stderr.isatty()):
            self._environ["GIT_TERMINAL_PROMPT"] = "0"

    def run(self, *args: str, given: bytes = b"", most: int = _MOST_PRINTED) -> bytes:
        """Return what a command prints. Raises FetchError if it fails, takes too long or fetches too much."""
        try:
            done = self._finish(*args, given=given, most=most)
        except TooMuchOutputError:
            raise FetchError(f"{self._shown} returned more than {most // 2**20} MiB") from None
        if done.returncode:
            raise self._failure(done.stderr.decode(errors="replace"))
        return done.stdout

    def refs(self, rev: str) -> dict[str, str]:
        """Return the tags and branches that `rev` may mean, with their objects; annotated tags also by commit (`^{}`)."""
        names = [rev] if rev.startswith("refs/") else [f"refs/tags/{rev}", f"refs/heads/{rev}"]
        patterns = [pattern for name in names for pattern in (name, f"{name}^{{}}")]
        lines = self.run("ls-remote", "--quiet", "--", self._address, *patterns).decode(errors="replace")
        found = [line.split("\t", 1) for line in lines.splitlines() if "\t" in line]
        # A pattern also matches the ends of longer names.
        return {name: commit for commit, name in found if name in patterns}

    def fetch_rev(self, rev: str) -> tuple[str, str | None]:
        """Fetch a tag, a branch or a commit. Return the commit, and the name of the tag if it is one."""
        if _COMMIT.fullmatch(rev):
            return self._fetch_reachable(rev), None
        refs = [name for name in self.refs(rev) if not name.endswith("^{}")]
        if not refs:
            raise FetchError(
                f"{self._shown} has no tag or branch {rev}",
                hint="check its tags, or give a commit with all 40 digits",
            )
        if len(refs) > 1:
            raise FetchError(
                f"{rev} is both a tag and a branch of {self._shown}",
                hint=f"write refs/tags/{rev} or refs/heads/{rev}",
            )
        self._fetch("--depth=1", f"+{refs[0]}:{_HERE}")
        commit = self.run("rev-parse", "--verify", "--quiet", f"{_HERE}^{{commit}}").decode().strip()
        tag = refs[0].removeprefix("refs/tags/")
        return commit, tag if tag != refs[0] else None

    def fetch_commit(self, commit: str) -> str:
        """Fetch a locked commit, wherever tags and branches point by now."""
        try:
            self._fetch("--depth=1", f"+{commit}:{_HERE}")
        except FetchError:
            # A server may refuse to serve a commit by its hash: then one of its refs must contain it.
            return self._fetch_reachable(commit)
        return commit

    def fetch_published(self, commit: str, rev: str) -> str:
        """Fetch a locked commit if `rev` is that commit, or a tag or branch that contains it."""
        if _COMMIT.fullmatch(rev):
            return self._fetch_reachable(commit)
        names = [name for name in self.refs(rev) if not name.endswith("^{}")]
        if not names:
            raise FetchError(f"{self._shown} no longer has a tag or branch {rev}")
        return self._fetch_reachable(commit, names)

    def entries(self, commit: str, below: str) -> list[SourceEntry]:
        """Return the entries below a folder of a commit, with paths from there. Raises FetchError if it does not exist."""
        start = f"{commit}:{below}" if below else commit
        command = ("ls-tree", "-r", "-l", "-z", "--full-tree", "--end-of-options", start)
        try:
            listed = self._finish(*command, most=_MOST_LISTED)
        except TooMuchOutputError:
            raise FetchError(
                f"{self._shown} has too many files in {commit[:12]}: their names alone take more than"
                f" {_MOST_LISTED // 2**20} MiB",
                hint="if the pack is one folder of the repository, set `subdirectory` to that folder",
            ) from None
        if listed.returncode:
            raise FetchError(
                f"{self._shown} has no folder {below} in {commit[:12]}", hint="check `subdirectory`"
            )
        entries: list[SourceEntry] = []
        for entry in tree_entries(listed.stdout):
            # Bytes that are not UTF-8 become backslash escapes, which no path of a pack may have.
            path = entry.path.decode("utf-8", "backslashreplace")
            entries.append(SourceEntry(path, entry.size or 0, entry.kind))
        return entries

    def reader(self, commit: str, below: str) -> _Reader:
        """Return a function that reads files of a folder of a commit."""
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

        A server that stores forks together serves any commit of any of them by its hash. A commit that no branch or tag
        of the named repository contains was not published there. Raises FetchError for such a commit.
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
                hint="it may have been removed, or belong to a fork",
            )
        return commit

    def _finish(self, *args: str, given: bytes = b"", most: int = _MOST_PRINTED) -> Finished:
        # `init` creates the repository for all other commands.
        place = [] if args[0] == "init" else [f"--git-dir={self._folder}"]
        try:
            return run(
                [*self._program, *place, *args],
                self._environ,
                most=most,
                given=given,
                seconds=QUICK_SECONDS if self._quick else SECONDS,
                watch=self._check_size,
            )
        except StillRunningError:
            raise FetchError(f"{self._shown} did not answer in time", hint="try again later") from None
        except OSError as error:
            raise _no_git(f"git cannot be started: {error}") from None

    def _check_size(self) -> None:
        if _size(self._folder) > MAX_FETCHED_BYTES:
            raise FetchError(
                f"{self._shown} sent more than {MAX_FETCHED_BYTES // 2**20} MiB",
                hint="use a tag or a branch instead of a commit: those are fetched without history",
            )

    def _failure(self, stderr: str) -> FetchError:
        lines = [line for line in stderr.splitlines() if line.strip() and not line.startswith("warning:")]
        first = next((line for line in lines if line.startswith(("fatal:", "error:"))), (lines or [""])[0])
        # The server may repeat the address, and a rewritten one (url.insteadOf) may hold a password.
        reason = re.sub(r"(?<=://)[^/@\s']+@", "", first.partition(": ")[2] or first)
        hint = None
        if re.search(r"redirect|returned error: 30\d", stderr):
            hint = "it has moved: use its new address (redirects are not followed)"
        elif re.search(
            r"terminal prompts disabled|Authentication failed|Permission denied|could not read", stderr
        ):
            hint = "git needs credentials for it: set up a credential helper or an SSH key"
        elif "mismatched algorithms" in stderr:
            hint = "packs can only come from repositories with SHA-1 commits (40 digits)"
        elif is_distrusted(stderr):
            hint = DISTRUSTED_HINT
        return FetchError(
            f"{self._shown} cannot be fetched: {reason or 'git failed without a message'}", hint=hint
        )


class _Reader:
    """Reads files by path, all of them with one command."""

    def __init__(self, git: _Git, start: str) -> None:
        self._git = git
        self._start = start

    def __call__(self, entries: Sequence[SourceEntry]) -> Mapping[str, bytes]:
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
    return FetchError(message, hint="packs from git need git")


def _address(url: str, root: Path) -> str:
    """Return the URL for git; a relative path becomes absolute, because git runs in another folder."""
    return str((root / url).resolve()) if is_local_repository(url) else url


def _size(folder: Path) -> int:
    size = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # git may rename files meanwhile
            size += path.lstat().st_size
    return size

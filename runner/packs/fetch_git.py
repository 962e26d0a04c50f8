"""A pack in a git repository: a tag, a branch or a commit is looked up, fetched, and read from git's objects.

Nothing is ever checked out, so that no filter, no line end conversion, no link, no submodule and no hook takes part.
Git runs with its user's configuration, because that is where the way to a private repository stands; what could run a
program of the repository's, or reach another place than the one that was named, is switched off.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ..errors import FetchError, StorageError
from ..files.pack_sources import is_local_repository
from .gather import Found
from .names import Entry

__all__ = ["find_in_git", "tag_commit"]

MAX_FETCHED_BYTES = 500 * 1024 * 1024
SECONDS = 600
QUICK_SECONDS = 20

_COMMIT = re.compile(r"[0-9a-f]{40}")
_HERE = "refs/runner/rev"

_SAFE = (
    "core.hooksPath=" + os.devnull,
    "protocol.ext.allow=never",
    "http.followRedirects=false",  # a host that was not named gets nothing, least of all credentials
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=60",
    "fetch.recurseSubmodules=false",
    "maintenance.auto=false",
    "gc.auto=0",
)
# What a hook of git sets for its own repository, and what would put another one in the place of this one.
_REPLACED = {
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
}
_ENVIRONMENT = {
    "LC_ALL": "C",
    "GIT_DEFAULT_HASH": "sha1",  # of which the lock has the 40 digits, whatever new repositories get here
    "GIT_LFS_SKIP_SMUDGE": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_PAGER": "cat",
}


@contextlib.contextmanager
def find_in_git(
    source: Mapping[str, str], root: Path, *, prefix: str, commit: str | None = None
) -> Iterator[Found]:
    """What stands in the pack's folder of a repository, in the commit that `rev` means now, or in `commit`.

    It can be read while the context lasts. `root` is where a relative path to a repository starts. Raises FetchError
    where the repository cannot be asked or does not have what was asked for.
    """
    with _temporary_folder() as folder:
        git = _Git(Path(folder), _address(source["git"], root), source["git"])
        git.run("init", "--quiet", "--bare", "--template=", folder)
        found, tag = (git.fetch_commit(commit), None) if commit else git.fetch_rev(source["rev"])
        below = source.get("subdirectory", "").rstrip("/")
        yield Found(git.entries(found, below), git.reader(found, below), prefix, found, tag)


def tag_commit(source: Mapping[str, str], root: Path) -> str | None:
    """The commit that a tag means in its repository now; None where `rev` is no tag there. Asks nobody for a password.

    Raises FetchError where the repository cannot be asked, or has nothing of that name any longer.
    """
    rev = source["rev"]
    name = rev if rev.startswith("refs/") else f"refs/tags/{rev}"
    if _COMMIT.fullmatch(rev) or not name.startswith("refs/tags/"):
        return None
    with _temporary_folder() as folder:
        git = _Git(Path(folder), _address(source["git"], root), source["git"], quick=True)
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

    `shown` is the repository's name in messages; `quick` ones answer soon or not at all, and never ask a person.
    """

    def __init__(self, folder: Path, address: str, shown: str, *, quick: bool = False) -> None:
        self._folder = folder
        self._address = address
        self._shown = shown
        self._quick = quick
        environ = {name: value for name, value in os.environ.items() if name not in _REPLACED}
        self._environ = environ | _ENVIRONMENT
        if quick:
            # Whoever is asked for a password or a passphrase says no by himself.
            self._environ |= {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "", "SSH_ASKPASS_REQUIRE": "never"}
            if "GIT_SSH" not in environ and not self._finish(("config", "--get", "core.sshCommand"), None)[1]:
                self._environ.setdefault("GIT_SSH_COMMAND", "ssh -o BatchMode=yes")
        elif not (sys.stdin.isatty() and sys.stderr.isatty()):
            self._environ["GIT_TERMINAL_PROMPT"] = "0"

    def run(self, *args: str, given: bytes | None = None) -> bytes:
        """What a command prints. Raises FetchError with what it says where it fails, is too slow or fetches too much."""
        done, out, said = self._finish(args, given)
        if done:
            raise self._failure(said)
        return out

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

    def entries(self, commit: str, below: str) -> list[Entry]:
        """Everything in a folder of a commit, by its path from there. Raises FetchError where there is no such folder."""
        start = f"{commit}:{below}" if below else commit
        try:
            listed = self.run("ls-tree", "-r", "-l", "-z", "--full-tree", "--end-of-options", start)
        except FetchError:
            raise FetchError(
                f"{self._shown} has no folder {below} in {commit[:12]}", hint="look at `subdirectory`"
            ) from None
        entries: list[Entry] = []
        for line in listed.split(b"\0")[:-1]:
            head, _, path = line.partition(b"\t")
            mode, _, _, size = head.split()
            # What is not UTF-8 stays in escapes, which no path of a pack may have.
            name = path.decode("utf-8", "backslashreplace")
            if mode.startswith(b"100"):
                entries.append(Entry(name, int(size)))
            else:
                entries.append(Entry(name, kind="submodule" if mode == b"160000" else "link"))
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

    def _fetch_reachable(self, commit: str) -> str:
        """Fetch all branches and tags, and find the commit in one of them.

        A server that keeps forks together gives any commit of any of them for its name alone. One that is in no branch
        and no tag of the repository that was named was not published there.
        """
        self._fetch("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
        try:
            names = self.run("for-each-ref", "--count=1", "--format=%(refname)", f"--contains={commit}")
        except FetchError:
            names = b""
        if not names.strip():
            raise FetchError(
                f"{self._shown} has no commit {commit} in any branch or tag",
                hint="it may have been taken back, or belong to somebody's fork",
            )
        return commit

    def _finish(self, args: Sequence[str], given: bytes | None) -> tuple[int, bytes, str]:
        settings = [part for setting in _SAFE for part in ("-c", setting)]
        # `init` makes the repository, in which everything else is done.
        place = [] if args[0] == "init" else [f"--git-dir={self._folder}"]
        command = ["git", "--no-pager", *settings, *place, *args]
        limit = QUICK_SECONDS if self._quick else SECONDS
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
            try:
                process = subprocess.Popen(  # noqa: S603 - a fixed command; what users name stands behind `--`
                    command,
                    env=self._environ,
                    stdin=subprocess.PIPE if given is not None else subprocess.DEVNULL,
                    stdout=out,
                    stderr=errors,
                )
            except OSError as error:
                missing = isinstance(error, FileNotFoundError)
                what = (
                    "git is not installed, or not on the PATH"
                    if missing
                    else f"git cannot be started: {error}"
                )
                raise FetchError(what, hint="packs from git need it") from None
            with process:
                self._watch(process, given, time.monotonic() + limit)
            for stream in (out, errors):
                stream.seek(0)
            return process.returncode, out.read(), errors.read().decode(errors="replace")

    def _watch(self, process: subprocess.Popen[bytes], given: bytes | None, deadline: float) -> None:
        """Wait for a command, and end it when it takes too long or fills the disk."""
        try:
            if given is not None and process.stdin is not None:
                with contextlib.suppress(OSError), process.stdin:
                    process.stdin.write(given)
            while True:
                try:
                    process.wait(0.2)
                    return
                except subprocess.TimeoutExpired:
                    pass
                if time.monotonic() > deadline:
                    raise FetchError(f"{self._shown} did not answer in time", hint="try it again later")
                if _size(self._folder) > MAX_FETCHED_BYTES:
                    raise FetchError(
                        f"{self._shown} sends more than {MAX_FETCHED_BYTES // 2**20} MiB",
                        hint="a tag or a branch is fetched without its history: name one in place of a commit",
                    )
        except BaseException:
            process.kill()
            process.wait()  # it still writes into the folder that goes next
            raise

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
        elif "dubious ownership" in said:
            hint = "git config --global --add safe.directory FOLDER, if you trust it"
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
        out = self._git.run("cat-file", "--batch", given=names.encode())
        files: dict[str, bytes] = {}
        at = 0
        for entry in entries:
            end = out.index(b"\n", at)  # `<name> blob <size>`
            size = int(out[at:end].split()[2])
            files[entry.path] = out[end + 1 : end + 1 + size]
            at = end + 1 + size + 1
        return files


def _address(url: str, root: Path) -> str:
    """The URL for git, which runs in another folder than the one that a path is relative to."""
    return str((root / url).resolve()) if is_local_repository(url) else url


def _size(folder: Path) -> int:
    size = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # git renames its files while they are counted
            size += path.lstat().st_size
    return size

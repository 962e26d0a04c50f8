"""A headless Chromium, spoken to in its own protocol (CDP) over a pipe: no driver, no port, no library.

    with Chromium() as browser:
        page = browser.open("file:///tmp/report.html")
        assert page.run("document.title") == "..."

It has no network: everything that a page asks for besides itself fails, and is in `page.requests`. Where no Chromium is
installed, MissingBrowser says how to install one.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from tests.patience import PATIENCE

__all__ = ["Chromium", "MissingBrowser", "Page"]

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class MissingBrowser(AssertionError):
    """There is no Chromium: these tests fail then, since nothing else tells what a browser makes of a report."""


def _program() -> str:
    named = os.environ.get("CHROMIUM")
    for name in (named,) if named else _NAMES:
        if found := shutil.which(name):
            return found
    raise MissingBrowser("no Chromium: apt-get install chromium, or name one in CHROMIUM")


_LAUNCH = """
import fcntl, os, sys
high = [fcntl.fcntl(int(each), fcntl.F_DUPFD, 100) for each in sys.argv[1:3]]
for number, each in zip((3, 4), high):
    os.dup2(each, number)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Chromium:
    """A browser of its own, with an empty profile."""

    def __init__(self) -> None:
        program = _program()
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        ours, theirs = os.pipe(), os.pipe()
        # Chromium reads commands from descriptor 3 and writes answers to 4, each ended by a zero byte.
        command = [
            program,
            "--headless=new",
            "--remote-debugging-pipe",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--force-color-profile=srgb",
            "--hide-scrollbars",
            f"--user-data-dir={self._profile.name}",
            "about:blank",
        ]
        self._process = subprocess.Popen(
            [sys.executable, "-c", _LAUNCH, str(ours[0]), str(theirs[1]), *command],
            pass_fds=(ours[0], theirs[1]),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(ours[0])
        os.close(theirs[1])
        self._to, self._from = ours[1], theirs[0]
        self._rest = b""
        self._number = 0
        self.events: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        with contextlib.suppress(OSError, AssertionError):
            self.send("Browser.close")
        self._process.kill()
        self._process.wait()
        os.close(self._to)
        os.close(self._from)
        self._profile.cleanup()

    def send(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """Send a command and wait for its answer."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._to, data) :]
        for answer in self._messages():
            if answer.get("id") == self._number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                result: dict[str, Any] = answer["result"]
                return result
            self.events.append(answer)
        raise AssertionError(f"the browser ended at {method}")

    def _messages(self) -> Iterator[dict[str, Any]]:
        while True:
            message, found, rest = self._rest.partition(b"\0")
            if found:
                self._rest = rest
                yield json.loads(message)
                continue
            data = os.read(self._from, 1 << 20)
            if not data:
                return
            self._rest += data

    def open(
        self,
        url: str,
        *,
        width: int = 1280,
        height: int = 800,
        dark: bool = False,
        script: bool = True,
        wait: bool = True,
        css: bool = True,
    ) -> Page:
        """Open a page; wait until a report has all of its rows, if it has any and may run its script."""
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session, target)
        for domain in ("Page", "Network", "Runtime", "Log"):
            page.send(f"{domain}.enable")
        page.resize(width, height)
        page.dark(on=dark)
        if not script:
            page.send("Emulation.setScriptExecutionDisabled", value=True)
        page.send("Page.navigate", url=url)
        page.wait("document.readyState === 'complete'")
        if wait and script:
            page.wait("document.documentElement.hasAttribute('data-loaded')")
        return page


class Page:
    """One page of the browser."""

    def __init__(self, browser: Chromium, session: str, target: str) -> None:
        self._browser = browser
        self._session = session
        self._target = target

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command to the page."""
        return self._browser.send(method, self._session, **params)

    def run(self, expression: str) -> Any:
        """The value of an expression, awaited. Commands of the protocol are not bound by the page's own policy."""
        found = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait(self, expression: str) -> None:
        """Wait until an expression is true."""
        until = time.monotonic() + PATIENCE
        while not self.run(expression):
            assert time.monotonic() < until, f"never true: {expression}"
            time.sleep(0.01)

    def key(self, key: str) -> None:
        """Press a key."""
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        code = {"Enter": 13, "Escape": 27, "ArrowDown": 40, "ArrowUp": 38, "Tab": 9}.get(key, 0)
        common = {"key": key, "windowsVirtualKeyCode": code}
        self.send("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
        self.send("Input.dispatchKeyEvent", type="keyUp", **common)

    def go(self, part: str) -> None:
        """Follow a link to `#part`."""
        self.run(f"location.hash = {json.dumps(part)}")
        if part.startswith("case="):
            self.wait("!document.getElementById('case').hidden")

    def resize(self, width: int, height: int) -> None:
        """Make the window that large."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def dark(self, *, on: bool) -> None:
        """Say that the reader prefers dark pages, or light ones."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if on else "light"}
        self.send("Emulation.setEmulatedMedia", features=[scheme])

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        """A picture of what is in view, or of the whole page."""
        found = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(found["data"]))

    @property
    def requests(self) -> list[str]:
        """What the page asked for, itself included."""
        return [each["params"]["request"]["url"] for each in self._events("Network.requestWillBeSent")]

    @property
    def complaints(self) -> list[str]:
        """What the console says: errors, and what the policy refused."""
        thrown = [str(each["params"]) for each in self._events("Runtime.exceptionThrown")]
        logged = [str(each["params"]["entry"]) for each in self._events("Log.entryAdded")]
        return thrown + logged + [str(each["params"]) for each in self._events("Runtime.consoleAPICalled")]

    def _events(self, method: str) -> Iterator[dict[str, Any]]:
        self.run("0")  # what has happened before is told before its answer
        for each in self._browser.events:
            if each.get("method") == method and each.get("sessionId") == self._session:
                yield each

    def close(self) -> None:
        """Close it."""
        self._browser.send("Target.closeTarget", targetId=self._target)

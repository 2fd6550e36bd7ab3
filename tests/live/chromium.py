"""Drives a headless Chromium by its DevTools protocol, over a pipe: no driver is needed."""

import base64
import itertools
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import F_DUPFD, fcntl
from pathlib import Path
from select import select
from time import monotonic
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome", "chrome-headless-shell")
PATIENCE_S = 20.0


def found() -> str | None:
    """The browser of this machine; UNSLOW_TEST_BROWSER names another one."""
    given = os.environ.get("UNSLOW_TEST_BROWSER")
    return given or next((path for name in NAMES if (path := shutil.which(name))), None)


class Failed(Exception):
    """The page raised, or did not do in time what was waited for."""


class Tab:
    """One page. Every command waits for its answer."""

    def __init__(self, out: int, into: int) -> None:
        self.messages: list[str] = []  # of the console, and exceptions
        self.requested: list[str] = []  # addresses
        self._out, self._into = out, into
        self._numbers = itertools.count(1)
        self._buffer = b""
        self._session = ""
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        attached = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._into, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == number:
                if "error" in answer:
                    raise Failed(f"{method}: {answer['error']}")
                return dict(answer.get("result", {}))

    def open(self, url: str) -> None:
        self.send("Page.navigate", url=url)
        self.until("document.readyState === 'complete'")

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        answer = self.send(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise Failed(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def until(self, condition: str) -> Any:
        """Wait for the page itself to say that a condition holds, looking at each of its frames."""
        script = f"""new Promise((done, fail) => {{
            const until = performance.now() + {PATIENCE_S * 1000};
            const look = () => {{
                const value = ({condition});
                if (value) done(value);
                else if (performance.now() > until) fail(new Error("not in time"));
                else setTimeout(look, 20);
            }};
            look();
        }})"""
        return self.run(script)

    def press(self, key: str) -> None:
        text = {"text": key} if len(key) == 1 else {}
        self.send("Input.dispatchKeyEvent", type="keyDown", key=key, **text)
        self.send("Input.dispatchKeyEvent", type="keyUp", key=key)

    def appear(self, width: int, height: int, scheme: str = "light") -> None:
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        self.send(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": scheme}],
        )

    def picture(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.send("Page.captureScreenshot")["data"]))

    def _receive(self) -> dict[str, Any]:
        deadline = monotonic() + 2 * PATIENCE_S
        while b"\0" not in self._buffer:
            if not select([self._out], [], [], max(0.0, deadline - monotonic()))[0]:
                raise Failed("the browser does not answer")
            chunk = os.read(self._out, 1 << 20)
            if not chunk:
                raise Failed("the browser has ended")
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\0")
        message = dict(json.loads(line))
        self._note(message)
        return message

    def _note(self, message: dict[str, Any]) -> None:
        params = message.get("params", {})
        match message.get("method"):
            case "Runtime.exceptionThrown":
                self.messages.append(str(params["exceptionDetails"]))
            case "Log.entryAdded" if params["entry"]["level"] in ("error", "warning"):
                self.messages.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
            case "Network.requestWillBeSent":
                self.requested.append(params["request"]["url"])


@contextmanager
def tab(browser: str) -> Iterator[Tab]:
    """A page of a browser of its own, which ends with it."""
    profile = tempfile.mkdtemp(prefix="unslow-browser-")
    out, theirs_out = os.pipe()
    theirs_in, into = os.pipe()

    # The browser reads commands from descriptor 3 and answers on 4.
    high_in, high_out = (fcntl(one, F_DUPFD, 10) for one in (theirs_in, theirs_out))

    def connect() -> None:
        os.dup2(high_in, 3)
        os.dup2(high_out, 4)

    process = subprocess.Popen(
        [
            browser, "--headless", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu",
            "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions",
            "--disable-background-networking", "--hide-scrollbars", f"--user-data-dir={profile}",
        ],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        close_fds=False, preexec_fn=connect, start_new_session=True,
    )  # fmt: skip
    for descriptor in (theirs_in, theirs_out, high_in, high_out):
        os.close(descriptor)
    try:
        yield Tab(out, into)
    finally:
        os.killpg(process.pid, 9)
        process.wait()
        os.close(out)
        os.close(into)
        shutil.rmtree(profile, ignore_errors=True)

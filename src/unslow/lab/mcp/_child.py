"""Runs one unslow command as a process of its own, so that it can be watched and called off."""

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio
import msgspec
from anyio.abc import ByteReceiveStream, Process

from unslow.errors import UnslowError
from unslow.lab.report import json
from unslow.model import Report

Tell = Callable[[float, str], Awaitable[None]]

BEAT_S = 5.0  # clients take a call that tells nothing for long as dead
CLEANUP_S = 60.0  # for a command that was called off to stop what it started
_SAID = "unslow: "


@dataclass(frozen=True)
class Commands:
    """`options` go with each command (login, headers, variables), `start` is the application's own
    start command, or empty. Both come from the person who started the server."""

    options: tuple[str, ...] = ()
    start: tuple[str, ...] = ()

    async def report(
        self, words: Sequence[str], folder: Path, ends: Collection[int], tell: Tell
    ) -> Report:
        """The JSON report of `unslow WORDS`, run in `folder`.

        `tell` gets the seconds so far and what is going on. Raises `UnslowError` with what the
        command said when its exit code is none of `ends`. When cancelled, the command ends what it
        started before this returns.
        """
        with tempfile.TemporaryDirectory(prefix="unslow-mcp-") as temporary:
            file = Path(temporary) / "report.json"
            line = [*words, *self.options, f"--json={file}"]
            if self.start:
                line += ["--", *self.start]
            said = _Said(tell)
            code = await _run(line, folder, said)
            if code not in ends:
                raise UnslowError(said.error())
            try:
                return json.parse(file.read_bytes())
            except (OSError, msgspec.DecodeError) as error:
                raise UnslowError(f"unslow {words[0]} left no report: {error}") from error


class _Said:
    """The lines that a command wrote on standard error."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._started = time.monotonic()
        self._lines: list[str] = []
        self._told = self._started

    async def add(self, line: str) -> None:
        self._lines.append(line)
        await self._tell_now()

    async def beat(self) -> None:
        while True:
            await anyio.sleep(BEAT_S)
            if time.monotonic() - self._told >= BEAT_S:
                await self._tell_now()

    def error(self) -> str:
        """The last message of the command, which may have several lines."""
        starts = [n for n, line in enumerate(self._lines) if line.startswith(_SAID)]
        last = self._lines[starts[-1] :] if starts else self._lines[-5:]
        return "\n".join(last).removeprefix(_SAID) or "unslow ended without a word"

    async def _tell_now(self) -> None:
        self._told = time.monotonic()
        await self._tell(self._told - self._started, self._lines[-1] if self._lines else "start")


async def _run(words: Sequence[str], folder: Path, said: _Said) -> int:
    process = await anyio.open_process(
        [sys.executable, "-m", "unslow", *words],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,  # a client that kills this server's group leaves it its cleanup
    )
    assert process.stderr is not None
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(said.beat)
            async for line in _lines(process.stderr):
                await said.add(line)
            code = await process.wait()
            group.cancel_scope.cancel()
        return code
    finally:
        with anyio.CancelScope(shield=True):
            await _stop(process)
            await process.aclose()


async def _lines(stream: ByteReceiveStream) -> AsyncIterator[str]:
    rest = b""
    async for chunk in stream:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.decode(errors="replace")
    if rest:
        yield rest.decode(errors="replace")


async def _stop(process: Process) -> None:
    """Ask the command to end, and wait until it has cleaned up."""
    if process.returncode is not None:
        return
    process.terminate()
    assert process.stderr is not None
    with anyio.move_on_after(CLEANUP_S), contextlib.suppress(anyio.ClosedResourceError):
        async for _ in process.stderr:
            pass  # a full pipe would hold it up
        await process.wait()
    if process.returncode is None:
        process.kill()

"""Runs a test suite and keeps the requests that it sends: its traffic, and what they ran."""

import json
import os
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

import unslow
from unslow.errors import UnslowError, UsageError
from unslow.lab.target import Description, Target
from unslow.lab.target._sites import Relative
from unslow.model import SCHEMA_VERSION, Request, Trace
from unslow.progress import Progress

PLUGIN = "unslow.kit._pytest_requests"
FOLDER = "UNSLOW_TESTS"
TAIL_LINES = 15
# Of a test's own world: its session, its host, what the client says of itself.
DROPPED = frozenset({"cookie", "host", "content-length", "connection", "accept-encoding"})
FAILED, NOTHING_COLLECTED = 1, 5  # pytest's exit codes; others are errors of the suite itself


@dataclass(frozen=True)
class FromTests:
    """What the suite sent: `recording` is a file to replay, `trace` what the tests themselves ran.

    A recording of no line has nothing that can be replayed.
    """

    recording: Path
    trace: Trace


def run(words: str, target: Target, folder: Path, progress: Progress) -> FromTests:
    """Run `python -m pytest WORDS` as the target's user would, and keep what it sent in `folder`.

    The tests have their own database, as ever. Raises UsageError when no test is collected, or
    none sends a request that can be seen, and UnslowError when pytest itself fails.
    """
    progress.stage("run the tests")
    (folder / "inject").mkdir()
    (folder / "inject" / "unslow").symlink_to(Path(unslow.__file__).parent)
    log = folder / "pytest.log"
    with log.open("wb") as output:
        done = subprocess.run(
            [str(target.python), "-m", "pytest", "-p", PLUGIN, *shlex.split(words)],
            cwd=target.root / target.folder,
            env=_environment(target, folder),
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
        )
    tail = "\n".join(log.read_text("utf-8", "replace").splitlines()[-TAIL_LINES:])
    requests = [
        msgspec.json.decode(line, type=Request) for line in _lines(folder, "requests") if line
    ]
    _check(done.returncode, words, target, tail, bool(requests))
    if done.returncode == FAILED:
        progress.note(f"Some tests fail; their requests count all the same. {_last(tail)}")
    return FromTests(_recording(folder), _trace(target, folder, requests))


def _environment(target: Target, folder: Path) -> dict[str, str]:
    given = {**os.environ, **target.env}
    path = os.pathsep.join(filter(None, (str(folder / "inject"), given.get("PYTHONPATH", ""))))
    return {**given, "PYTHONPATH": path, FOLDER: str(folder)}


def _check(code: int, words: str, target: Target, tail: str, is_seen: bool) -> None:
    if "No module named pytest" in tail:
        raise UsageError(
            f"{target.python} has no pytest. Install it there: {target.python} -m pip install "
            "pytest"
        )
    if code == NOTHING_COLLECTED:
        raise UsageError(
            f"pytest {words} collects no test in {target.root / target.folder}; give "
            "--from-tests what you give pytest there"
        )
    if code not in (0, FAILED):
        raise UnslowError(f"pytest {words} does not run (exit code {code}):\n{tail}")
    if not is_seen and code == FAILED:
        raise UnslowError(f"pytest {words} fails, and sends no request:\n{tail}")
    if not is_seen:
        raise UsageError(
            f"The tests of pytest {words} send no request. unslow sees the clients of Django, "
            "Django REST framework, Starlette, FastAPI and Flask, httpx's ASGI and WSGI "
            "transports, and Django's live server."
        )


def _last(tail: str) -> str:
    return tail.rpartition("\n")[2].strip("= ")


def _lines(folder: Path, kind: str) -> Iterator[bytes]:
    for path in sorted(folder.glob(f"{kind}-*.jsonl")):
        yield from path.read_bytes().splitlines()


def _recording(folder: Path) -> Path:
    """What was answered well, without what is of the test alone."""
    path = folder / "recording.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for line in _lines(folder, "calls"):
            call = json.loads(line)
            if 200 <= call["status"] < 400:
                headers = call["headers"].items()
                call["headers"] = {n: value for n, value in headers if n.lower() not in DROPPED}
                file.write(json.dumps(call) + "\n")
    return path


def _trace(target: Target, folder: Path, requests: list[Request]) -> Trace:
    description = Description(kind=target.kind)
    for line in _lines(folder, "description"):
        description = msgspec.json.decode(line, type=Description)
    root = target.root.resolve()
    relative = Relative({str(target.root): "", str(root): ""})
    return Trace(
        schema=SCHEMA_VERSION,
        unslow=unslow.__version__,
        kind=description.kind,
        framework=description.framework,
        database=description.database,
        roots=(str(root),),
        requests=tuple(relative.request(one) for one in requests),
        routes=tuple(relative.route(one) for one in description.routes),
        models=tuple(relative.model(one) for one in description.models),
        python=description.python,
    )

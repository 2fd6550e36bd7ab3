"""Has `unslow prove` judge one planted change, as a user would."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks.verdicts.changes import APPLICATION, Change
from benchmarks.verdicts.seed import Size, seed
from unslow.demo.postgres import postgres

COMMAND = (str(Path(sys.executable).with_name("gunicorn")), "desk.wsgi", "--workers", "1")
NOT_SOURCE = shutil.ignore_patterns("__pycache__", "*.pyc")
GRACE_S = 900.0  # launches and gates beside the time budget; past it a run counts as hung


@dataclass(frozen=True)
class Helpdesk:
    """The application, ready to start: `folder` may be run with `env`."""

    folder: Path
    env: dict[str, str]


@dataclass(frozen=True)
class Judged:
    """What a change was called. `evidence` is the e-value, or what was seen to differ."""

    name: str
    expected: str
    found: str
    speedup: str
    evidence: str
    seconds: float

    @property
    def mark(self) -> Literal["right", "open", "WRONG"]:
        """An open verdict claims nothing, so it is neither right nor wrong."""
        if self.found == self.expected:
            return "right"
        return "open" if self.found == "inconclusive" else "WRONG"


@contextlib.contextmanager
def helpdesk(size: Size) -> Iterator[Helpdesk]:
    """A copy of the helpdesk with its database, migrated and filled, for the block's time."""
    with tempfile.TemporaryDirectory(prefix="unslow-verdicts-") as temporary, postgres() as server:
        folder = Path(temporary) / "helpdesk"
        shutil.copytree(APPLICATION, folder, ignore=NOT_SOURCE)
        dsn = server.create("desk")
        env = {
            **os.environ,
            "DATABASE_URL": dsn,
            "XDG_STATE_HOME": str(Path(temporary) / "state"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
        subprocess.run(migrate, cwd=folder, env=env, check=True)
        seed(dsn, size)
        yield Helpdesk(folder, env)


def judge(change: Change, desk: Helpdesk, budget: str, kept: Path | None = None) -> Judged:
    """The verdict of `unslow prove`, as its JSON report has it; `kept` is where that goes."""
    with tempfile.TemporaryDirectory(prefix="unslow-verdict-") as temporary:
        report = (kept or Path(temporary)) / f"{change.name}.json"
        words = ("prove", str(change.patch), "--time-budget", budget, "--json", str(report))
        started = time.monotonic()
        status, errors = _run(words, desk, GRACE_S + _seconds(budget))
        seconds = round(time.monotonic() - started, 1)
        if not report.exists():
            said = (errors.strip().splitlines() or [""])[-1]
            return Judged(change.name, change.expected, f"exit {status}", "", said, seconds)
        verdict = json.loads(report.read_text())["comparison"]["verdict"]
    evidence = _evidence(verdict)
    return Judged(
        change.name, change.expected, verdict["verdict"], _speedup(verdict), evidence, seconds
    )


def _run(words: Sequence[str], desk: Helpdesk, timeout_s: float) -> tuple[int, str]:
    """The exit code of unslow, and what it told. It is always given the time to clean up."""
    process = subprocess.Popen(
        [sys.executable, "-m", "unslow", *words, "--", *COMMAND],
        cwd=desk.folder,
        env=desk.env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        errors = process.communicate(timeout=timeout_s)[1]
    except (KeyboardInterrupt, subprocess.TimeoutExpired):
        process.terminate()
        process.communicate()
        raise
    return process.returncode, errors


def _speedup(verdict: dict) -> str:
    """Of the endpoint that changed most, with its interval."""
    known = [one for one in verdict["effects"] if one["speedup"]]
    if not known:
        return ""
    most = max(known, key=lambda one: max(one["speedup"]["low"], 1 / one["speedup"]["high"]))
    found = most["speedup"]
    return f"{found['estimate']:.2f} [{found['low']:.2f}, {found['high']:.2f}]"


def _evidence(verdict: dict) -> str:
    if verdict["verdict"] in ("proven", "slower", "no-gain", "inconclusive"):
        return f"{verdict['launches']} pairs: {verdict['reason']}"
    return verdict["reason"]


def _seconds(budget: str) -> float:
    return float(budget[:-1]) * {"s": 1, "m": 60, "h": 3600}[budget[-1]]

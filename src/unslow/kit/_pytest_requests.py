"""Writes down every request that a test suite sends, for `unslow audit --from-tests`.

Loaded by `-p`, in the interpreter of the application, which may have nothing of unslow installed.
"""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from unslow.kit import _test_clients, _test_run
from unslow.observe import _describe, _embedded, _wire
from unslow.observe._record import RequestRecord

FOLDER = "UNSLOW_TESTS"  # where to write

_files: dict[str, BinaryIO] = {}


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Record before the application is imported."""
    _test_run.start((Path.cwd(), early_config.rootpath))
    _embedded.listen(_finished)
    _test_clients.listen(_sent)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if not hasattr(session.config, "workeroutput"):
        _wire.safely(_tell)()


def _tell() -> None:
    _write("description", json.dumps(_describe.describe(), default=str).encode() + b"\n")


def _finished(record: RequestRecord) -> None:
    if record.method != "TEST":
        _write("requests", record.line())


def _sent(sent: _test_clients.Sent) -> None:
    record = sent.record
    line = {
        "method": record.method,
        "path": record.path,
        "headers": dict(sent.headers),
        "status": record.status,
    }
    if body := sent.body():
        line |= {"body": base64.b64encode(body).decode(), "encoding": "base64"}
    _write("calls", json.dumps(line).encode() + b"\n")


def _write(kind: str, line: bytes) -> None:
    """One file of each kind per process: the workers of xdist are several."""
    name = f"{kind}-{os.getpid()}.jsonl"
    if name not in _files:
        _files[name] = open(os.path.join(os.environ[FOLDER], name), "ab", buffering=0)  # noqa: SIM115
    _files[name].write(line)


def pytest_unconfigure(config: Any) -> None:
    while _files:
        _files.popitem()[1].close()

"""Runs the programs in processes of their own: with the recorder, without it, and with faults."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

RUN_S = 240.0
RUNNER = Path(__file__).with_name("running.py")


@pytest.fixture(scope="session")
def run(postgres, redis_server, tmp_path_factory) -> Callable[[str, str], Any]:
    def run(level: str, verb: str) -> Any:
        folder = tmp_path_factory.mktemp(f"{verb}-{level}")
        dsn = postgres.create(f"kit_safety_{verb}_{level}")
        done = subprocess.run(
            [sys.executable, str(RUNNER), verb, "result.json"],
            cwd=folder,
            env={
                **os.environ,
                "SAFETY_LEVEL": level,
                "SAFETY_DSN": dsn,
                "SAFETY_REDIS_PORT": str(redis_server.port),
            },
            capture_output=True,
            text=True,
            timeout=RUN_S,
        )
        assert done.returncode == 0, done.stderr
        return json.loads((folder / "result.json").read_text())

    return run

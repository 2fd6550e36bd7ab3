"""Runs small applications under the recorder, in a process of their own, and reads what it saw."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
SOURCE = HERE.parent.parent / "src"

Json = dict[str, Any]


def text(site: Json) -> str:
    """The source text that a site spans, lines joined by one space."""
    lines = Path(site["path"]).read_bytes().split(b"\n")[site["line"] - 1 : site["end_line"]]
    lines[-1] = lines[-1][: site["end_column"]]
    lines[0] = lines[0][site["column"] :]
    return b" ".join(line.strip() for line in lines).decode()


class Seen:
    """What the recorder saw of each request of an application."""

    def __init__(self, answer: Json) -> None:
        self.answer = answer
        self.requests: dict[str, Json] = answer["requests"]

    def queries(self, path: str) -> list[Json]:
        return list(self.requests[path]["queries"])

    def loads(self, path: str, kind: str, relation: str = "") -> list[Json]:
        return [
            query
            for query in self.queries(path)
            if query["load"]
            and query["load"]["kind"] == kind
            and query["load"]["relation"] == relation
        ]


def cause(origin: Json) -> str:
    """The text of the last expression of the application that built the queryset."""
    return text([link for link in origin["links"] if link["direct"]][-1]["stack"][0])


def run(script: str, **environment: str) -> Seen:
    outcome = subprocess.run(
        [os.environ.get("UNSLOW_TEST_PYTHON", sys.executable), str(HERE / script)],
        env={**os.environ, "PYTHONPATH": str(SOURCE), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stderr
    return Seen(json.loads(outcome.stdout.splitlines()[-1]))


@pytest.fixture(scope="session")
def run_django(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Seen]:
    def start(**environment: str) -> Seen:
        folder = tmp_path_factory.mktemp("django")
        environment.setdefault("PROJECT_SQLITE", str(folder / "shop.sqlite3"))
        return run("django_project/run.py", **environment)

    return start


@pytest.fixture(scope="session")
def django(run_django: Callable[..., Seen]) -> Iterator[Seen]:
    return run_django()


@pytest.fixture(scope="session")
def source() -> Callable[[Json], str]:
    return text


@pytest.fixture(scope="session")
def cause_of() -> Callable[[Json], str]:
    return cause


@pytest.fixture(scope="session")
def sqlalchemy(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    path = tmp_path_factory.mktemp("sqlalchemy") / "shop.sqlite3"
    return run("sqlalchemy_project/run.py", PROJECT_URL=f"sqlite:///{path}")


@pytest.fixture(scope="session")
def run_sqlalchemy() -> Callable[..., Seen]:
    return lambda **environment: run("sqlalchemy_project/run.py", **environment)

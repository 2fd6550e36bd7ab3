"""The shops are what the expected findings say: slow where planted, quick elsewhere."""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.e2e import expected
from tests.e2e.expected import Call, Slow
from unslow.demo import run
from unslow.demo.postgres import Postgres
from unslow.demo.redis import Redis
from unslow.demo.seed import Flavour, seed

HERE = Path(__file__).parent
MIN_REPEATS = 5  # as in the detector: the slow forms must be well above, the clean ones below
MOST_CLEAN_QUERIES = 9

FLAVOURS: tuple[Flavour, ...] = ("django", "fastapi")
SLOW = [(flavour, slow) for flavour in FLAVOURS for slow in expected.read(flavour).slow]
CLEAN = [(flavour, clean) for flavour in FLAVOURS for clean in expected.read(flavour).clean]


def named(value: object) -> str:
    return f"{value.endpoint}-{value.form}" if isinstance(value, Call) else str(value)


@pytest.mark.parametrize(("flavour", "slow"), SLOW, ids=named)
def test_the_cause_is_one_expression_of_its_file(flavour: Flavour, slow: Slow) -> None:
    source = (run.source(flavour) / slow.file).read_text()
    found = len(expected.positions(source, slow.cause, slow.within))
    assert found == 1 or (found > 1 and slow.detector == "duplicate-query")


Answers = dict[str, tuple[int, int, str]]  # endpoint: (status, queries, endpoint as resolved)


@pytest.fixture(scope="module")
def answers(postgres: Postgres, redis_server: Redis, partner: str) -> object:
    @cache
    def of(flavour: Flavour) -> Answers:
        dsn = postgres.create(f"shop_{flavour}")
        run.migrate(flavour, run.source(flavour), dsn)
        seed(dsn, flavour, "small")
        calls = [
            (call.endpoint, call.method, call.example, call.body)
            for call in expected.read(flavour).calls.values()
        ]
        done = subprocess.run(
            [sys.executable, str(HERE / f"_{flavour}_calls.py")],
            input=json.dumps(calls),
            cwd=run.source(flavour),
            env={
                **os.environ,
                "DATABASE_URL": dsn,
                "REDIS_URL": redis_server.url,
                "PARTNER_URL": partner,
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        answers: Answers = json.loads(done.stdout.splitlines()[-1])  # after what an engine logs
        return answers

    return of


@pytest.mark.parametrize(("flavour", "call"), [*SLOW, *CLEAN], ids=named)
def test_the_endpoint_answers(flavour: Flavour, call: Call, answers) -> None:
    status, _, route = answers(flavour)[call.endpoint]
    assert (status, route) == (call.status, call.endpoint)


@pytest.mark.parametrize(
    ("flavour", "slow"),
    [(flavour, slow) for flavour, slow in SLOW if slow.detector == "repeated-query"],
    ids=named,
)
def test_a_repeated_query_repeats(flavour: Flavour, slow: Slow, answers) -> None:
    assert answers(flavour)[slow.endpoint][1] > MIN_REPEATS


@pytest.mark.parametrize(("flavour", "clean"), CLEAN, ids=named)
def test_a_clean_endpoint_runs_few_queries(flavour: Flavour, clean: Call, answers) -> None:
    assert answers(flavour)[clean.endpoint][1] <= MOST_CLEAN_QUERIES

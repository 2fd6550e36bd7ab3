"""A real application is tried once: what answers is measured, what does not is listed."""

import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from unslow.errors import UsageError
from unslow.lab._observation import observe, prepare
from unslow.lab.target import Lab, Target
from unslow.lab.workload import Wanted
from unslow.model import Trace
from unslow.progress import Silent

APP = """
import sqlite3
from fastapi import Depends, FastAPI, Header, HTTPException

app = FastAPI()

def rows():
    connection = sqlite3.connect("shop.sqlite3")
    try:
        return connection.execute("SELECT id FROM product ORDER BY id").fetchall()
    finally:
        connection.close()

@app.get("/products")
def products(limit: int = 10) -> list[int]:
    return [key for (key,) in rows()[:limit]]

@app.get("/broken")
def broken() -> None:
    raise RuntimeError("a secret of the customer")

def signed_in(token: str = Header(default="")) -> None:
    if token != "letmein":
        raise HTTPException(401)

@app.get("/private", dependencies=[Depends(signed_in)])
def private() -> int:
    return len(rows())
"""


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:

    (tmp_path / "main.py").write_text(APP)
    connection = sqlite3.connect(tmp_path / "shop.sqlite3")
    connection.execute("CREATE TABLE product (id INTEGER PRIMARY KEY)")
    connection.executemany("INSERT INTO product VALUES (?)", [(key,) for key in range(5)])
    connection.commit()
    connection.close()
    uvicorn = str(Path(sys.executable).with_name("uvicorn"))
    with Lab(Target(tmp_path, (uvicorn, "main:app"), Path(sys.executable)), Silent()) as lab:
        yield lab


def test_what_answers_is_kept_and_the_rest_is_listed_with_its_reason(lab: Lab) -> None:
    workload, _ = prepare(lab, Wanted(), "", Silent())
    assert workload.endpoints == ("GET /products",)
    reasons = {one.endpoint: one.reason for one in workload.skipped}
    assert "RuntimeError" in reasons["GET /broken"]
    assert "secret" not in reasons["GET /broken"]
    assert "--header" in reasons["GET /private"]


def test_a_header_opens_what_needs_it_and_a_glob_leaves_out(lab: Lab) -> None:
    wanted = Wanted(headers={"token": "letmein"}, exclude=("*/broken",))
    workload, _ = prepare(lab, wanted, "", Silent())
    assert set(workload.endpoints) == {"GET /products", "GET /private"}
    assert {one.reason for one in workload.skipped} == {"excluded by --exclude"}


def test_a_recording_is_observed_under_the_routes_that_answer_it(lab: Lab, tmp_path: Path) -> None:
    recording = tmp_path / "traffic.jsonl"
    recording.write_text('{"path": "/products?limit=2"}\n{"path": "/products?limit=3"}\n')
    workload, description = prepare(lab, Wanted(recordings=(recording,)), "", Silent())
    assert sum(call.weight for call in workload.calls) == 2.0  # the one held out counts too
    trace = observe(lab, workload, description, "", unchanged, Silent())
    assert {request.endpoint for request in trace.requests} == {"GET /products"}
    assert {query.shape for request in trace.requests for query in request.queries} == {
        "SELECT id FROM product ORDER BY id"
    }


def test_of_a_recording_the_long_answers_are_observed_and_only_like_ones_held_out(
    lab: Lab, tmp_path: Path
) -> None:
    def built(*paths: str) -> tuple[list[str], list[str]]:
        recording = tmp_path / "traffic.jsonl"
        recording.write_text("".join(f'{{"path": "{path}"}}\n' for path in paths))
        workload, _ = prepare(lab, Wanted(recordings=(recording,)), "", Silent())
        measured, held_out = workload.calls, workload.held_out
        return [call.path for call in measured], [call.path for call in held_out]

    one, many, more = (f"/products?limit={number}" for number in (1, 4, 5))
    assert built(one, many) == ([many, one], [])
    assert built(many, one, more) == ([more, one], [many])


def test_nothing_to_measure_says_why(lab: Lab) -> None:
    with pytest.raises(UsageError, match="RuntimeError"):
        prepare(lab, Wanted(include=("*/broken",)), "", Silent())


def unchanged(trace: Trace, databases: object) -> Trace:
    return trace


def test_on_a_slow_machine_fewer_calls_are_tried_unless_all_are_wanted(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tried(*, every_call: bool) -> int:
        wanted = Wanted(include=["GET /products"], every_call=every_call)
        workload, _ = prepare(lab, wanted, "", Silent())
        return len(workload.calls) + len(workload.held_out)

    monkeypatch.setattr(sys.modules["unslow.lab.workload.build"], "TRIED_S", 0.0)
    assert tried(every_call=False) == 1
    assert tried(every_call=True) > 1

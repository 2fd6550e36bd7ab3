"""What FastAPI would have encoded in Python is the same JSON in one pass."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from uuid import UUID

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from msgspec.structs import replace

from unslow.lab.patching import diff
from unslow.lab.prescribe import fastapi_json_response
from unslow.model import EncodingEvidence, Patch, Recommendation

PAGE = Path(__file__).parents[2] / "docs/fixers/fastapi-json-response.md"
HEAD = "from fastapi import APIRouter\n\nrouter = APIRouter()\n\n\n"
PLAIN = '@router.get("/rows")\nasync def rows(db):\n    return «[dict(row) for row in db]»\n'


def advice(bench, text, head=HEAD):
    bench.write(head + text, "shop/rows.py")
    finding = bench.finding(id="costly-serialization")
    evidence = EncodingEvidence("encoder", "shop.rows.rows", 1000, 20.0)
    return list(fastapi_json_response.fix(replace(finding, evidence=evidence), bench.source))


UNCHANGED = {
    "a return type": PLAIN.replace("(db):", "(db) -> list[dict]:"),
    "a response model": PLAIN.replace('"/rows"', '"/rows", response_model=list[dict]'),
    "a status": PLAIN.replace('"/rows"', '"/rows", status_code=201'),
    "a response class": PLAIN.replace('"/rows"', '"/rows", response_class=HTMLResponse'),
    "headers that the view sets": PLAIN.replace("(db)", "(db, response: fastapi.Response)"),
    "another decorator": "@cached\n" + PLAIN,
    "a function that is no route": PLAIN.partition("\n")[2],
    "a name that is taken": "json = None\n\n\n" + PLAIN,
    "no return": PLAIN.replace("return «[dict(row) for row in db]»", "«print(db)»"),
}


@pytest.mark.parametrize("text", UNCHANGED.values(), ids=UNCHANGED)
def test_nothing_but_advice_for(bench, text):
    (only,) = advice(bench, text)
    assert isinstance(only, Recommendation)


def test_orjson_is_a_rival_where_the_project_needs_it(bench):
    assert len(advice(bench, PLAIN)) == 1
    (bench.root / "requirements.txt").write_text("fastapi\norjson>=3\n")
    first, second = advice(bench, PLAIN)
    assert "json" in first.summary
    assert "orjson.dumps(content, default=jsonable_encoder)" in bench.apply(second)["shop/rows.py"]


def test_two_views_of_a_module_share_what_is_added(bench):
    (one,) = advice(bench, PLAIN)
    assert bench.apply(one, one)["shop/rows.py"].count("def json_response") == 1


class Colour(Enum):
    RED = "red"


VALUES = [
    {"n": 1, "f": 1.5, "t": "ä", "none": None, "flag": True},
    {"price": Decimal("9.90"), "whole": Decimal("3"), "tiny": Decimal("1E-7")},
    {"at": datetime(2026, 1, 2, 3, 4, 5, 6, UTC), "on": date(2026, 1, 2)},
    {"id": UUID(int=5), "colour": Colour.RED, "set": {1}, 7: "key"},
]


def test_the_bytes_are_the_same(bench):
    text = PLAIN.replace("(db)", "()").replace(" in db", " in VALUES")
    (patch,) = advice(bench, text)
    assert isinstance(patch, Patch)
    before = (HEAD + text).replace("«", "").replace("»", "")
    answers = []
    for source in (before, bench.apply(patch)["shop/rows.py"]):
        names: dict = {"VALUES": VALUES}
        exec(source, names)
        app = FastAPI()
        app.include_router(names["router"])
        with TestClient(app) as client:
            answer = client.get("/rows")
        answers.append((answer.status_code, answer.headers["content-type"], answer.content))
    assert answers[0] == answers[1]
    assert answers[0][0] == 200


def test_the_page_shows_what_is_written(bench):
    text = PAGE.read_text()
    (example, *_) = re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S)
    (expected, *_) = re.findall(r"^```diff\n(.*?)^```$", text, re.M | re.S)
    cause = "[dict(movement) for movement in movements.mappings()]"
    (patch,) = advice(bench, example.replace(cause, f"«{cause}»"), head="")
    assert diff([patch], bench.source.read) == expected

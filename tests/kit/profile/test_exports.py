"""What is written for pprof and speedscope is what they read."""

import json
import shutil
import subprocess

import jsonschema
import pytest

from tests.kit.profile import decoded
from unslow.kit._pprof import pprof
from unslow.kit._profile import Place
from unslow.kit._speedscope import speedscope
from unslow.kit._stacks import Counted, Snapshot

VIEW = Place("Orders.list", "/shop/views.py", 10, 12)
LATER = Place("Orders.list", "/shop/views.py", 10, 300)
QUERY = Place("grüße", "/lib/db.py", 1, 1_000_000)
SNAPSHOT = Snapshot(
    started=1_800_000_000.5,
    seconds=10.0,
    period_s=0.02,
    counted=(
        Counted("GET /orders/<int:pk>", (VIEW, QUERY), 300),
        Counted("GET /orders/<int:pk>", (LATER,), 7),
        Counted("POST /orders", (QUERY,), 400),
    ),
)
EMPTY = Snapshot(1_800_000_000.0, 1.0, 0.02, ())

# Written after https://github.com/jlfwong/speedscope/wiki/Importing-from-custom-sources
FRAME = {
    "type": "object",
    "required": ["name"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string"},
        "file": {"type": "string"},
        "line": {"type": "integer"},
        "col": {"type": "integer"},
    },
}
SAMPLED = {
    "type": "object",
    "required": ["type", "name", "unit", "startValue", "endValue", "samples", "weights"],
    "additionalProperties": False,
    "properties": {
        "type": {"const": "sampled"},
        "name": {"type": "string"},
        "unit": {
            "enum": ["bytes", "microseconds", "milliseconds", "nanoseconds", "none", "seconds"]
        },
        "startValue": {"type": "number"},
        "endValue": {"type": "number"},
        "samples": {
            "type": "array",
            "items": {"type": "array", "items": {"type": "integer", "minimum": 0}},
        },
        "weights": {"type": "array", "items": {"type": "number"}},
    },
}
SCHEMA = {
    "type": "object",
    "required": ["$schema", "shared", "profiles"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"const": "https://www.speedscope.app/file-format-schema.json"},
        "name": {"type": "string"},
        "exporter": {"type": "string"},
        "activeProfileIndex": {"type": "integer"},
        "shared": {
            "type": "object",
            "required": ["frames"],
            "properties": {"frames": {"type": "array", "items": FRAME}},
        },
        "profiles": {"type": "array", "items": SAMPLED},
    },
}


@pytest.mark.parametrize("snapshot", [EMPTY, SNAPSHOT], ids=["empty", "full"])
def test_speedscope_reads_what_is_written_for_it(snapshot) -> None:
    written = json.loads(speedscope(snapshot, "process 7"))
    jsonschema.validate(written, SCHEMA)
    frames = written["shared"]["frames"]
    for profile in written["profiles"]:
        assert len(profile["samples"]) == len(profile["weights"])
        assert all(number < len(frames) for stack in profile["samples"] for number in stack)


def test_each_route_is_a_profile_and_the_heaviest_is_first() -> None:
    written = json.loads(speedscope(SNAPSHOT, "process 7"))
    post, get = written["profiles"]
    assert (post["name"], get["name"]) == ("POST /orders", "GET /orders/<int:pk>")
    assert get["endValue"] == pytest.approx(307 * 0.02)
    names = [written["shared"]["frames"][number]["name"] for number in get["samples"][0]]
    assert names == ["Orders.list", "grüße"]
    assert len(written["shared"]["frames"]) == 2


def test_pprof_reads_what_is_written_for_it() -> None:
    read = decoded.pprof(pprof(SNAPSHOT))
    assert read["types"] == [("samples", "count"), ("wall", "nanoseconds")]
    assert (read["period_type"], read["period"]) == (("wall", "nanoseconds"), 20_000_000)
    assert (read["time_nanos"], read["duration_nanos"]) == (1_800_000_000_500_000_000, 10**10)
    assert read["default"] == "wall"
    view, query = ("Orders.list", "/shop/views.py", 10), ("grüße", "/lib/db.py", 1)
    assert read["samples"] == [
        (
            [(*query, 1_000_000), (*view, 12)],
            [300, 300 * 20_000_000],
            {"route": "GET /orders/<int:pk>"},
        ),
        ([(*view, 300)], [7, 7 * 20_000_000], {"route": "GET /orders/<int:pk>"}),
        ([(*query, 1_000_000)], [400, 400 * 20_000_000], {"route": "POST /orders"}),
    ]


def test_an_empty_profile_is_one_too() -> None:
    assert decoded.pprof(pprof(EMPTY))["samples"] == []


@pytest.mark.skipif(shutil.which("go") is None, reason="needs go")
def test_go_tool_pprof_shows_it(tmp_path) -> None:
    file = tmp_path / "profile.pb.gz"
    file.write_bytes(pprof(SNAPSHOT))
    run = subprocess.run(
        ["go", "tool", "pprof", "-top", "-tagfocus=route=POST /orders", str(file)],
        capture_output=True,
        text=True,
        check=True,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin:/usr/local/go/bin"},
    )
    assert "grüße" in run.stdout
    assert "8s" in run.stdout

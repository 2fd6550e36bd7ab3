"""The recorder inside an application that asks for it itself."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

PRELUDE = """
import json, sqlite3
from unslow.observe import _embedded, _record, _wire
"""


def run(folder: Path, source: str) -> Any:
    """What a program prints last, as JSON."""
    (folder / "program.py").write_text(PRELUDE + source)
    done = subprocess.run(
        [sys.executable, "program.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_nothing_is_recorded_before_somebody_asks(tmp_path) -> None:
    seen = run(
        tmp_path,
        """
sqlite3.connect(":memory:").execute("SELECT 1")
print(json.dumps([_record.level(), sqlite3.connect.__module__]))
""",
    )
    assert seen[0] == "off"
    assert seen[1] != "unslow.observe.sqlite3"


def test_a_recording_holds_the_statements_of_its_block_alone(tmp_path) -> None:
    seen = run(
        tmp_path,
        """
_embedded.start()
connection = sqlite3.connect("file.db")
connection.execute("SELECT 1")
with _embedded.recording("TEST", "name") as record:
    connection.execute("SELECT 2, ?", (3,)).fetchall()
connection.execute("SELECT 4")
query = record.queries[0]
print(json.dumps([
    len(record.queries), query["shape"], query["rows"], query["stack"], query["parameters"],
    record.duration_ms > 0, record.cpu_ms >= 0, record.closed, _record.current() is None,
]))
""",
    )
    assert seen == [1, "SELECT ?, ?", None, [], None, True, True, True, True]
    assert (tmp_path / "file.db").exists()


def test_the_higher_level_wins_also_when_it_is_asked_for_later(tmp_path) -> None:
    seen = run(
        tmp_path,
        """
_embedded.start("light")
connection = sqlite3.connect(":memory:")
_embedded.start("full")
_embedded.start("light")
with _embedded.recording("TEST", "name") as record:
    connection.execute("SELECT ?", (3,)).fetchall()
print(json.dumps([_record.level(), len(record.queries), record.queries[0]["parameters"],
    record.queries[0]["stack"][0]["path"]]))
""",
    )
    assert seen == ["full", 1, ["3"], str(tmp_path / "program.py")]


def test_a_hook_is_put_in_once_whatever_is_asked_for(tmp_path) -> None:
    seen = run(
        tmp_path,
        """
import django
from django.conf import settings
settings.configure(DATABASES={"default": {
    "ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}})
django.setup()
from django.db import connection
import sqlalchemy
_embedded.start("light")
_embedded.start("full")
engine = sqlalchemy.create_engine("sqlite://")
with _embedded.recording("TEST", "name") as record:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    with engine.connect() as held:
        held.execute(sqlalchemy.text("SELECT 2"))
print(json.dumps([[query["sql"] for query in record.queries], _wire.errors()]))
""",
    )
    assert seen == [["SELECT 1", "SELECT 2"], 0]


def test_listeners_are_told_once_and_their_failures_are_counted(tmp_path) -> None:
    seen = run(
        tmp_path,
        """
begun, ended = [], []
def failing(record):
    raise RuntimeError("listener")
_embedded.starting(lambda record: begun.append(record.path))
_embedded.listen(failing)
remove = _embedded.listen(lambda record: ended.append([record.path, record.closed]))
with _embedded.recording("TEST", "one"):
    pass
remove()
with _embedded.recording("TEST", "two"):
    pass
print(json.dumps([begun, ended, _wire.errors()]))
""",
    )
    assert seen == [["one", "two"], [["one", True]], 2]


def test_a_recording_goes_along_into_threads_and_tasks(tmp_path) -> None:
    seen = run(
        tmp_path,
        """
import asyncio
from concurrent.futures import ThreadPoolExecutor
_embedded.start()
connection = sqlite3.connect(":memory:", check_same_thread=False)
async def main():
    await asyncio.gather(*(asyncio.to_thread(connection.execute, "SELECT 1") for _ in range(2)))
with ThreadPoolExecutor(1) as pool, _embedded.recording("TEST", "name") as record:
    pool.submit(connection.execute, "SELECT 2").result()
    asyncio.run(main())
print(json.dumps([query["shape"] for query in record.queries]))
""",
    )
    assert seen == ["SELECT ?"] * 3

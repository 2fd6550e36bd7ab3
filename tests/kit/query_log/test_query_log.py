"""The log of a request's queries: folded, with their places, without values."""

from tests.kit.ground.test_embedded import run
from tests.kit.query_log.applications import DJANGO, SQLITE

PROJECT = SQLITE + DJANGO


def test_silent_for_a_request_without_queries_and_after_stop(tmp_path) -> None:
    seen = run(
        tmp_path,
        PROJECT
        + """
records = kept()
query_log.start()
Client().get("/plain/")
before = len(records)
query_log.stop()
Client().get("/books/")
print(json.dumps([before, len(records)]))
""",
    )
    assert seen == [0, 0]


def test_repeated_queries_are_one_line_with_their_place_and_cause(tmp_path) -> None:
    text, extra = run(
        tmp_path,
        PROJECT
        + """
records = kept()
query_log.start()
Client().get("/books/")
(record,) = records
extra = [record.endpoint, record.status, record.query_count, record.levelname]
lines = [[one["count"], one["site"], one["cause"], one["rows"]] for one in record.queries]
print(json.dumps([record.getMessage(), extra + lines]))
""",
    )
    endpoint, status, count, level, first, repeated = extra
    assert (endpoint, status, count, level) == ("GET books/", 200, 8, "INFO")
    assert first[0] == 1
    assert repeated[0] == 7
    assert repeated[1].startswith("program.py:")
    assert repeated[1].endswith(" in books.<locals>.<genexpr>")
    assert repeated[2].startswith("books.Book.author of the rows of program.py:")
    lines = text.splitlines()
    assert lines[0].startswith("GET books/  200  ")
    assert sum(line.startswith("    ×7 ") for line in lines) == 1
    assert any(": book.author" in line for line in lines)
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in text


def test_values_are_shown_only_when_asked_for(tmp_path) -> None:
    without, with_them = run(
        tmp_path,
        PROJECT
        + """
records = kept()
query_log.start()
Client().get("/authors/secret-3/")
query_log.start(values=True)
Client().get("/authors/secret-3/")
print(json.dumps([[one.getMessage(), one.queries] for one in records]))
""",
    )
    assert "secret" not in str(without)
    assert "'secret-3'" in with_them[0]
    assert "secret" not in str(with_them[1])


def test_a_terminal_gets_colours_and_its_width_and_a_file_gets_neither(tmp_path) -> None:
    terminal, file, silent = run(
        tmp_path,
        PROJECT
        + """
class Screen(io.StringIO):
    def isatty(self):
        return True
import os
os.environ.pop("NO_COLOR", None)
out = []
for stream in (Screen(), io.StringIO()):
    logger = logging.getLogger("unslow.queries")
    logger.handlers.clear()
    sys.stderr, before = stream, sys.stderr
    query_log.start()
    Client().get("/books/")
    sys.stderr = before
    out.append(stream.getvalue())
logging.getLogger("unslow.queries").handlers.clear()
logging.getLogger().addHandler(logging.NullHandler())
query_log.start()
out.append(len(logging.getLogger("unslow.queries").handlers))
print(json.dumps(out))
""",
    )
    assert "\x1b[33m    ×7" in terminal
    assert "×7" in file
    assert "\x1b" not in file
    assert silent == 0


def test_a_wall_of_statements_is_cut_and_counted(tmp_path) -> None:
    text = run(
        tmp_path,
        """
import logging
from unslow.kit import query_log
records = []
logger = logging.getLogger("unslow.queries")
logger.addHandler(logging.Handler())
logger.handlers[0].emit = records.append
query_log.start()
connection = sqlite3.connect(":memory:")
names = ", ".join(f"c{n}" for n in range(60))
connection.execute(f"CREATE TABLE wide ({names})")
with _embedded.recording("TEST", "name") as record:
    for column in range(60):
        connection.execute(f"SELECT 1 FROM wide WHERE c{column} = 1 AND {names} IS NULL"
            if column == 0 else f"SELECT 1 FROM wide WHERE c{column} = 1")
print(json.dumps(records[0].getMessage()))
""".replace("{names} IS NULL", "({names}) IS NOT ({names})"),
    )
    lines = text.splitlines()
    assert lines[-1].startswith("  and 20 more queries of 20 other lines")
    assert sum(line.startswith("    ×1") for line in lines) == 40
    assert sum(line.endswith(" …") for line in lines) == 1


def test_wrong_settings_are_refused_at_the_start(tmp_path) -> None:
    seen = run(
        tmp_path,
        """
from unslow import UsageError
from unslow.kit import query_log
said = []
wrongs = (
    {"explain_ms": -1}, {"explain": [""]}, {"explain": [3]},
    {"explain": 5}, {"explain_ms": "100"}, {"values": "no"},
)
for wrong in wrongs:
    try:
        query_log.start(**wrong)
    except UsageError as problem:
        said.append(str(problem))
print(json.dumps(said))
""",
    )
    assert len(seen) == 6
    assert "explain_ms is -1" in seen[0]


def test_it_is_a_setting_of_the_middleware(tmp_path) -> None:
    count, said, values = run(
        tmp_path,
        PROJECT
        + """
from django.core.exceptions import ImproperlyConfigured
records = kept()
settings.UNSLOW = {"QUERY_LOG": False}
Client().get("/books/")
before = len(records)
settings.UNSLOW = {"QUERY_LOG": {"VALUES": True}}
Client().get("/authors/secret-3/")
settings.UNSLOW = {"QUERY_LOG": {"EXPLAINED": True}}
try:
    Client().get("/books/")
except ImproperlyConfigured as problem:
    print(json.dumps([before, str(problem), records[0].getMessage()]))
""",
    )
    assert count == 0
    assert said == (
        "UNSLOW: query_log has no setting 'explained'; there are values, explain, explain_ms"
    )
    assert "'secret-3'" in values

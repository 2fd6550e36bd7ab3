"""What is counted, under which labels, and that nobody can make series from outside."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit.metrics.serving import series

PROGRAM = """
import asyncio, json, sys
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from unslow.kit import asgi, metrics

async def item(request):
    return PlainTextResponse("item")

inner = Starlette(routes=[Route("/{name}", item)])
outer = Starlette(routes=[Route("/items/{id:int}", item), Mount("/inner", inner)])
app = asgi.Middleware(outer, metrics=True)

async def ask(path, method="GET"):
    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}
    async def send(message):
        pass
    await app({"type": "http", "method": method, "path": path, "raw_path": path.encode(),
        "query_string": b"", "headers": [], "scheme": "http", "root_path": ""}, receive, send)

async def main():
%s

asyncio.run(main())
print(metrics.exposition()[0].decode())
"""


def run(folder: Path, body: str, *, program: str = PROGRAM) -> dict[str, dict]:
    lines = "\n".join("    " + line for line in body.splitlines())
    (folder / "program.py").write_text(program % lines)
    done = subprocess.run(
        [sys.executable, "program.py"], cwd=folder, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return series(done.stdout)


def requests(found: dict[str, dict]) -> dict[tuple[str, ...], float]:
    """By endpoint, method and status code."""
    return found.get("http_request_duration_seconds_count", {})


def test_a_scan_of_paths_that_do_not_exist_makes_one_series(tmp_path) -> None:
    found = run(tmp_path, "for n in range(10_000): await ask(f'/wp-{n}.php')")
    assert requests(found) == {("unmatched", "GET", "404"): 10_000}
    assert set(found["db_queries_per_request_count"]) == {("unmatched",)}


def test_methods_that_nobody_knows_are_one_label_value(tmp_path) -> None:
    found = run(tmp_path, "for n in range(50): await ask('/items/1', f'METHOD{n}')")
    assert set(requests(found)) == {("/items/{id:int}", "_OTHER", "405")}


def test_the_endpoint_is_the_template_of_the_route_through_mounts(tmp_path) -> None:
    found = run(tmp_path, "for n in range(3): await ask(f'/items/{n}'); await ask(f'/inner/{n}')")
    assert requests(found) == {
        ("/items/{id:int}", "GET", "200"): 3,
        ("/inner/{name}", "GET", "200"): 3,
    }


def test_routes_made_without_end_end_in_one_series(tmp_path) -> None:
    found = run(
        tmp_path,
        "from unslow.kit import _prometheus\n"
        "for n in range(_prometheus.MOST_ENDPOINTS + 20):\n"
        "    outer.router.routes.insert(0, Route(f'/made/{n}', item))\n"
        "    await ask(f'/made/{n}')\n"
        "    assert len(_prometheus._durations) <= _prometheus.MOST_ENDPOINTS\n",
    )
    assert len(requests(found)) == 501
    assert requests(found)["other", "GET", "200"] == 20


def test_caches_made_without_end_end_in_one_series(tmp_path) -> None:
    found = run(
        tmp_path,
        "from unslow.kit import _prometheus\n"
        "for n in range(2 * _prometheus.MOST_CACHES): _prometheus.cache_read(f'host{n}', 1, 2)\n",
    )
    assert len(found["cache_hits_total"]) == 101
    assert found["cache_hits_total"]["other",] == 100
    assert found["cache_misses_total"]["other",] == 200
    assert found["cache_misses_total"]["host7",] == 2


def test_status_codes_out_of_range_are_one_label_value(tmp_path) -> None:
    found = run(
        tmp_path,
        "async def odd(scope, receive, send):\n"
        "    await send({'type': 'http.response.start', 'status': int(scope['path'][1:])})\n"
        "    await send({'type': 'http.response.body'})\n"
        "global app\n"
        "app = asgi.Middleware(odd, metrics=True)\n"
        "for status in range(600, 700): await ask(f'/{status}')\n",
    )
    assert requests(found) == {("unmatched", "GET", "0"): 100}


def test_what_no_client_sent_is_not_counted(tmp_path) -> None:
    found = run(
        tmp_path,
        "from unslow.observe import _embedded\n"
        "with _embedded.recording('TASK', 'mail'): pass\n"
        "await ask('/items/1')\n",
    )
    assert list(requests(found)) == [("/items/{id:int}", "GET", "200")]


def test_the_bucket_holds_what_is_equal_to_its_bound(tmp_path) -> None:
    found = run(
        tmp_path,
        "from unslow.kit import _prometheus\n"
        "from unslow.observe._record import RequestRecord\n"
        "record = RequestRecord('', 'GET', '/', threaded=True, served=True)\n"
        "record.route, record.status, record.duration_ms = '/it', 200, 500.0\n"
        "record.queries.extend([None] * 5)\n"
        "_prometheus.count(record)\n",
    )
    assert found["http_request_duration_seconds_bucket"]["/it", "0.5", "GET", "200"] == 1
    assert found["http_request_duration_seconds_bucket"]["/it", "0.25", "GET", "200"] == 0
    assert found["db_queries_per_request_bucket"]["/it", "5.0"] == 1
    assert found["db_queries_per_request_bucket"]["/it", "2.0"] == 0


def test_the_event_loop_is_late_where_something_holds_it(tmp_path) -> None:
    found = run(
        tmp_path,
        "import time\n"
        "from unslow.kit import _prometheus\n"
        "await ask('/items/1')\n"
        "time.sleep(_prometheus.LAG_EVERY_S * 2)\n"
        "await asyncio.sleep(0)\n",
    )
    late = found["event_loop_lag_seconds_bucket"]
    assert found["event_loop_lag_seconds_count"][()] == 1
    assert late["0.1",] == 0


def test_exactly_the_promised_metrics_are_exported(tmp_path) -> None:
    from unslow.kit._promised import METRICS

    found = run(tmp_path, "await ask('/items/1')")
    own = {name for name in found if not name.startswith(("python_", "process_"))}
    suffixes = ("_bucket", "_count", "_sum", "_created", "_total")
    plain = {next((n.removesuffix(s) for s in suffixes if n.endswith(s)), n) for n in own}
    assert plain <= {name.removesuffix("_total") for name in METRICS}


def test_nothing_is_counted_where_metrics_are_not_asked_for(tmp_path) -> None:
    program = PROGRAM.replace(", metrics=True", "")
    found = run(tmp_path, "await ask('/items/1')", program=program)
    assert requests(found) == {}


@pytest.mark.parametrize("accept", ["text/plain", "application/openmetrics-text; version=1.0.0"])
def test_the_text_is_what_the_scraper_asked_for(tmp_path, accept) -> None:
    (tmp_path / "program.py").write_text(
        "from unslow.kit import metrics\nmetrics.start()\n"
        f"text, kind = metrics.exposition({accept!r})\n"
        "print(kind, text.endswith(b'# EOF\\n'))"
    )
    done = subprocess.run(
        [sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    kind, ended = done.stdout.rsplit(" ", 1)
    assert kind.startswith(accept.partition(";")[0])
    assert ended.strip() == str("openmetrics" in accept)

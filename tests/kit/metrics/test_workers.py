"""The sum over all workers is what was sent, under gunicorn and uvicorn, with one killed too."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

from tests.kit.metrics.serving import DJANGO, STARLETTE, Server, serving

SENT = 60
GUNICORN_CONF = "from unslow.kit.metrics import child_exit, on_starting\n"


@pytest.fixture
def shared(tmp_path) -> Path:
    (tmp_path / "shared").mkdir()
    return tmp_path / "shared"


def gunicorn(tmp_path: Path, shared: Path, *options: str, source: str = DJANGO):
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "gunicorn.conf.py").write_text(GUNICORN_CONF)
    target = "program:application" if source is DJANGO else "program:app"
    command = ("-m", "gunicorn", "-w", "3", "-b", "127.0.0.1:{port}", *options, target)
    environ = {"PROMETHEUS_MULTIPROC_DIR": str(shared)}
    return serving(tmp_path / "app", source, *command, environ=environ)


def send_many(server: Server, path: str) -> set[str]:
    with ThreadPoolExecutor(8) as pool:
        return set(pool.map(lambda _: server.get(path), range(SENT)))


def until_seen(server: Server, wanted: int) -> set[int]:
    """The workers, once so many have answered."""
    seen: set[int] = set()
    for number in count():
        assert number < 2000
        seen |= {int(pid) for pid in send_many(server, "/pid")}
        if len(seen) >= wanted:
            return seen
    raise AssertionError


@pytest.mark.parametrize("options", [(), ("--preload",), ("-k", "gthread", "--threads", "4")])
def test_gunicorn_counts_what_was_sent(tmp_path, shared, options) -> None:
    with gunicorn(tmp_path, shared, *options) as server:
        send_many(server, "/read/3/")
        for _ in range(6):
            found = server.scrape()
            requests = found["http_request_duration_seconds_count"]
            assert requests["read/<int:count>/", "GET", "200"] == SENT
        assert found["db_queries_per_request_sum"]["read/<int:count>/",] == SENT * 3
        assert found["cache_hits_total"]["default",] == SENT
        assert found["cache_misses_total"]["default",] == SENT
        assert 1 <= found["active_db_connections"][()] <= 12


def test_a_killed_worker_keeps_its_counts_and_loses_its_gauges(tmp_path, shared) -> None:
    with gunicorn(tmp_path, shared) as server:
        workers = until_seen(server, 3)
        before = server.scrape()["http_request_duration_seconds_count"]["pid", "GET", "200"]
        killed = next(iter(workers))
        assert (shared / f"gauge_livesum_{killed}.db").exists()
        os.kill(killed, signal.SIGKILL)
        until_seen(server, 3)
        assert not (shared / f"gauge_livesum_{killed}.db").exists()  # by the hook, before a scrape
        found = server.scrape()["http_request_duration_seconds_count"]
        assert found["pid", "GET", "200"] > before
        assert list(shared.glob(f"histogram_{killed}.db"))


def test_gauges_of_the_dead_are_forgotten_without_a_hook_too(tmp_path, shared) -> None:
    dead = os.spawnlp(os.P_NOWAIT, "true", "true")
    os.waitpid(dead, 0)
    with gunicorn(tmp_path, shared) as server:
        (shared / f"gauge_livesum_{dead}.db").write_bytes(b"")
        (shared / f"gauge_liveall_{os.getpid()}.db").write_bytes(bytes(8))
        server.scrape()
        assert not (shared / f"gauge_livesum_{dead}.db").exists()
        assert (shared / f"gauge_liveall_{os.getpid()}.db").exists()


def test_uvicorn_workers_count_what_was_sent(tmp_path, shared) -> None:
    command = ("-m", "uvicorn", "program:app", "--workers", "3", "--port", "{port}")
    environ = {"PROMETHEUS_MULTIPROC_DIR": str(shared)}
    with serving(tmp_path / "app", STARLETTE, *command, environ=environ) as server:
        send_many(server, "/items/7")
        for _ in range(6):
            requests = server.scrape()["http_request_duration_seconds_count"]
            assert requests["/items/{id:int}", "GET", "200"] == SENT


def test_gunicorn_with_asgi_workers_counts_what_was_sent(tmp_path, shared) -> None:
    with gunicorn(tmp_path, shared, "-k", "asgi", source=STARLETTE) as server:
        send_many(server, "/items/7?status=404")
        requests = server.scrape()["http_request_duration_seconds_count"]
        assert requests["/items/{id:int}", "GET", "404"] == SENT


def test_django_under_uvicorn_counts_each_request_once(tmp_path) -> None:
    command = ("-m", "uvicorn", "program:asgi_application", "--port", "{port}")
    with serving(tmp_path / "app", DJANGO, *command) as server:
        server.get("/read/2/")
        server.get("/")
        server.get("/nowhere")
        found = server.scrape()
        requests = found["http_request_duration_seconds_count"]
        assert requests["read/<int:count>/", "GET", "200"] == 1
        assert requests["/", "GET", "200"] == 1
        assert requests["unmatched", "GET", "404"] == 1


def test_a_route_that_takes_any_path_is_one_endpoint(tmp_path) -> None:
    source = DJANGO.replace('re_path(r"^files/", pid)', 're_path(r"^", pid)')
    with serving(
        tmp_path / "app", source, "-m", "gunicorn", "-b", "127.0.0.1:{port}", "program:application"
    ) as server:
        for number in range(5):
            server.get(f"/any/{number}")
        endpoints = {labels[0] for labels in server.scrape()["db_queries_per_request_count"]}
        assert endpoints == {"/"}

import json
import socket
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.remote.servers import program, say, serving
from unslow.demo.postgres import Postgres
from unslow.demo.redis import Redis
from unslow.lab.compare._remote_cpu import Accounting, Watch
from unslow.lab.compare._remote_service import service
from unslow.lab.target import _process


def ask(url: str, path: str) -> object:
    with urllib.request.urlopen(url + path, timeout=60) as answer:
        return json.load(answer)


def looked_at(url: str) -> Accounting:
    accounting = service(url).accounting
    accounting.look()
    return accounting


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose path fits a unix socket."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder)


def test_a_service_that_works_alone_is_counted_in_full(tmp_path: Path) -> None:
    with program(tmp_path, COST="200") as url:
        accounting = looked_at(url)
        before = accounting.own_ns()
        ask(url, "/work")
        assert accounting.own_ns() - before > 10_000_000
        assert not accounting.unseen


def test_a_lasting_connection_leads_to_its_backend(tmp_path: Path, postgres: Postgres) -> None:
    with program(tmp_path, DSN=postgres.dsn(), CONNECT="once") as url:
        backend = ask(url, "/query")
        accounting = looked_at(url)
        assert backend in accounting.own
        assert not accounting.unseen
        before = accounting.own[backend]
        ask(url, "/query")
        accounting.own_ns()
        assert accounting.own[backend] > before


def test_a_connection_per_request_cannot_be_counted(tmp_path: Path, postgres: Postgres) -> None:
    with program(tmp_path, DSN=postgres.dsn(), CONNECT="each") as url:
        accounting = looked_at(url)
        with Watch(accounting) as watch:
            for _ in range(1000):  # the watch looks now and then; a busy machine makes it late
                ask(url, "/query")
                if watch.seen:
                    break
        assert f"{postgres.port} anew for each request" in accounting.unseen


def test_a_cache_is_shared(tmp_path: Path, redis_server: Redis) -> None:
    address = urlsplit(redis_server.url).netloc.rpartition("@")[2]
    with program(tmp_path, HOLD=address) as url:
        accounting = looked_at(url)
        assert len(accounting.shared) == 1
        assert not accounting.unseen


def test_a_service_that_works_for_another_is_not_counted_in_full(tmp_path: Path) -> None:
    with serving(lambda request: say(request, b"{}")) as other:
        address = urlsplit(other).netloc
        with program(tmp_path, HOLD=address) as url:
            assert address in looked_at(url).unseen


def test_a_unix_socket_is_followed_too(tmp_path: Path, short: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(short / "other"))
        listener.listen()
        with program(tmp_path, HOLD=str(short / "other")) as url:
            accepted, _ = listener.accept()
            assert str(short / "other") in looked_at(url).unseen
            accepted.close()


def test_nobody_listens_where_nothing_runs() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        accounting = Accounting(probe.getsockname()[1])
        accounting.look()
        assert "cannot be looked into" in accounting.unseen


def test_processes_that_listen_are_found_with_their_children() -> None:
    with serving(lambda request: say(request, b"{}")) as url:
        found = looked_at(url).processes()
    assert set(_process.descendants(found[0])) <= set(found)

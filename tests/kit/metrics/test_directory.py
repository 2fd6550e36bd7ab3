"""What is wrong with the shared directory is said once, when the server starts."""

import os
import subprocess
import sys

import pytest

from unslow.kit import _multiprocess

START = "from unslow.kit import metrics\nmetrics.start()\nprint('started')"


def start(tmp_path, directory, *, source=START, **options):
    return subprocess.run(
        [sys.executable, "-c", source],
        cwd=tmp_path,
        env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(directory)},
        capture_output=True,
        text=True,
        timeout=60,
        **options,
    )


def test_silent_in_an_empty_directory(tmp_path) -> None:
    done = start(tmp_path, tmp_path)
    assert (done.stdout, done.stderr) == ("started\n", "")


def test_silent_beside_the_files_of_living_workers(tmp_path) -> None:
    (tmp_path / f"counter_{os.getpid()}.db").write_bytes(b"")
    os.utime(tmp_path / f"counter_{os.getpid()}.db", (0, 0))
    assert start(tmp_path, tmp_path).stderr == ""


def test_silent_beside_a_worker_of_this_run_that_has_ended(tmp_path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    (tmp_path / f"counter_{ended.pid}.db").write_bytes(b"")
    assert start(tmp_path, tmp_path).stderr == ""


def test_files_of_an_earlier_run_are_named(tmp_path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    for kind in ("counter", "histogram"):
        (tmp_path / f"{kind}_{ended.pid}.db").write_bytes(b"")
        os.utime(tmp_path / f"{kind}_{ended.pid}.db", (0, 0))
    done = start(tmp_path, tmp_path)
    assert done.stdout == "started\n"
    assert f"PROMETHEUS_MULTIPROC_DIR={tmp_path} holds 2 files of an earlier run" in done.stderr
    assert "empty it before the server starts" in done.stderr


def test_a_worker_that_others_bury_meanwhile_is_no_error(tmp_path, monkeypatch) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    gone = tmp_path / f"gauge_livesum_{ended.pid}.db"
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    monkeypatch.setattr(_multiprocess.glob, "glob", lambda pattern: [str(gone)])
    _multiprocess.check()
    _multiprocess.bury_all()


def test_a_directory_that_is_not_there_is_a_usage_error(tmp_path) -> None:
    done = start(tmp_path, tmp_path / "missing")
    assert done.returncode == 1
    assert "UsageError: PROMETHEUS_MULTIPROC_DIR=" in done.stderr
    assert "does not exist; make it before the server starts" in done.stderr


def test_a_file_instead_of_a_directory_is_a_usage_error(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    assert "is not a directory" in start(tmp_path, tmp_path / "file").stderr


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_a_directory_of_another_user_is_a_usage_error(tmp_path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o755)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    source = "from unslow.kit import _multiprocess\nimport os\nos.setuid(65534)\n"
    done = start(tmp_path, shared, source=source + "_multiprocess.check()")
    assert "cannot be written by user 65534; give it to that user" in done.stderr


def test_django_says_it_as_its_own_configuration_error(tmp_path) -> None:
    source = (
        "from django.conf import settings\n"
        "settings.configure(UNSLOW={'METRICS': True})\n"
        "from unslow.kit.django import Middleware\n"
        "Middleware(print)"
    )
    done = start(tmp_path, tmp_path / "missing", source=source)
    assert "ImproperlyConfigured: UNSLOW: PROMETHEUS_MULTIPROC_DIR=" in done.stderr


def test_a_metric_that_another_library_has_is_a_usage_error(tmp_path) -> None:
    source = (
        "from prometheus_client import Counter\n"
        "Counter('cache_hits_total', 'Of another library.')\n" + START
    )
    done = start(tmp_path, tmp_path, source=source)
    assert "UsageError: another library of this process exports the same metric" in done.stderr


def test_a_missing_client_is_named_with_its_extra(tmp_path) -> None:
    source = "import sys\nsys.modules['prometheus_client'] = None\n" + START
    done = start(tmp_path, tmp_path, source=source)
    assert "pip install 'unslow[metrics]'" in done.stderr

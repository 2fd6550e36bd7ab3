import subprocess
import sys
from json import loads

import pytest

from tests.report.sample import clean, sample
from unslow.cli import _state
from unslow.lab.report import json


def test_a_clean_report_passes_every_threshold(shop, unslow) -> None:
    _state.keep(clean(), shop)
    assert unslow("report", "--fail-on", "low").code == 0


@pytest.mark.parametrize("threshold", ["high", "medium", "low"])
def test_a_finding_at_the_threshold_exits_with_10(threshold, kept, unslow) -> None:
    assert unslow("report", "--fail-on", threshold).code == 10


def test_without_arguments_the_last_report_is_printed_at_80_columns(kept, unslow) -> None:
    ran = unslow("report")
    assert ran.code == 0
    assert ran.out.startswith("unslow 0.1.0  Django 5.2.19")
    assert max(map(len, ran.out.splitlines())) <= 80
    assert "\x1b" not in ran.out


def test_every_format_is_written(kept, tmp_path, unslow) -> None:
    names = ("html", "json", "sarif", "markdown")
    words = [word for name in names for word in (f"--{name}", str(tmp_path / f"r.{name}"))]
    ran = unslow("report", *words)
    assert (ran.code, ran.out) == (0, "")
    assert json.parse((tmp_path / "r.json").read_bytes()) == sample()
    assert loads((tmp_path / "r.sarif").read_text())["version"] == "2.1.0"
    assert (tmp_path / "r.html").read_text().startswith("<!doctype html>")
    assert (tmp_path / "r.markdown").read_text().startswith("### unslow: ×10.4")


def test_a_foreign_file_is_not_a_report(shop, tmp_path, unslow) -> None:
    (tmp_path / "x.json").write_text("{}")
    ran = unslow("report", str(tmp_path / "x.json"))
    assert ran.code == 2
    assert "is not a report of unslow" in ran.err
    assert ran.err.count("\n") == 1


def test_a_missing_file_is_named(shop, unslow) -> None:
    ran = unslow("report", "nowhere.json")
    assert ran.code == 2
    assert "nowhere.json cannot be read: No such file or directory" in ran.err


def test_a_missing_folder_is_told_before_the_work(kept, unslow) -> None:
    ran = unslow("report", "--html", "no/such/folder/r.html")
    assert ran.code == 2
    assert "does not exist; create it first" in ran.err


def test_a_reader_that_leaves_early_is_no_error(kept) -> None:
    command = f"{sys.executable} -c 'from unslow.cli import main; main()' report | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, cwd=kept)
    assert done.stderr == ""

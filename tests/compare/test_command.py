"""`unslow prove` from the command line: exit codes and reports."""

from pathlib import Path

import pytest

from tests.compare.conftest import Shop
from unslow.cli import main


def prove(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(("prove", *arguments))
    return int(ended.value.code or 0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "nothing to compare: the work tree is as HEAD"),
        (("nowhere",), "'nowhere' is no revision"),
        (("main", "http://127.0.0.1:1"), "compare a URL with another URL"),
        (("gunicorn app:app", "main"), "is a command; compare it with another command"),
        (("gunicorn app:app", "gunicorn app:app"), "the same command twice"),
        (("--max-slowdown", "fast"), "--max-slowdown fast: not a share; write 5%"),
        (("--time-budget", "soon"), "--time-budget soon: not a duration"),
    ],
)
def test_wrong_usage_ends_with_2_and_a_remedy(
    shop: Shop, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    assert prove(*arguments) == 2
    assert said in capsys.readouterr().err


def test_another_answer_ends_with_22_and_every_report(
    shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.change("LIMIT 20", "LIMIT 10")
    files = {kind: tmp_path / f"report.{kind}" for kind in ("html", "json", "sarif", "markdown")}
    options = [word for kind, file in files.items() for word in (f"--{kind}", str(file))]
    assert prove("--time-budget", "5s", *options) == 22
    assert all(file.stat().st_size for file in files.values())
    assert "Different answers" in capsys.readouterr().out


def test_two_start_commands_are_two_versions(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    code = prove("--time-budget", "3s", "gunicorn app:app", "gunicorn --threads 2 app:app")
    assert code in (20, 24)
    assert "gunicorn --threads 2 app:app against gunicorn app:app" in capsys.readouterr().out

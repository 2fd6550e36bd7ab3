import subprocess
from pathlib import Path

import pytest

from tests.report.sample import SOURCES, sample
from unslow.cli import _state, main


class Ran:
    """What one command left: its exit code and what it printed."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture(autouse=True)
def state(tmp_path_factory, monkeypatch) -> Path:
    folder = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    return folder


@pytest.fixture
def shop(tmp_path, monkeypatch) -> Path:
    """The audited application of the sample report, as the current folder."""
    for path, text in SOURCES.items():
        file = tmp_path / "shop-root" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path / "shop-root")
    return tmp_path / "shop-root"


@pytest.fixture
def kept(shop) -> Path:
    """The shop with its report kept as the last audit."""
    _state.keep(sample(), shop)
    return shop


@pytest.fixture
def git(kept):
    """The kept shop, committed; runs git in it."""

    def run(*words: str) -> str:
        identity = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
        done = subprocess.run(
            ["git", *identity, *words], cwd=kept, check=True, capture_output=True, text=True
        )
        return done.stdout

    run("init", "--quiet", "--initial-branch=main")
    run("config", "user.name", "Test")
    run("config", "user.email", "test@example.com")
    run("add", ".")
    run("commit", "--quiet", "--message", "Start")
    return run


@pytest.fixture
def unslow(capsys):
    """Runs a command line in this process."""

    def run(*words: str) -> Ran:
        with pytest.raises(SystemExit) as left:
            main(words)
        printed = capsys.readouterr()
        return Ran(int(left.value.code or 0), printed.out, printed.err)

    return run

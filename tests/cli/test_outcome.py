import subprocess
import sys

import pytest
import typer

from unslow.cli._outcome import command
from unslow.errors import UnslowError, UsageError


def code_of(function) -> int:
    with pytest.raises(typer.Exit) as left:
        command(function)()
    return left.value.exit_code


def raising(error: BaseException):
    def run() -> int:
        raise error

    return run


def test_a_command_leaves_with_its_own_code() -> None:
    assert code_of(lambda: 0) == 0
    assert code_of(lambda: 10) == 10


@pytest.mark.parametrize(
    ("error", "code"), [(UnslowError("it broke"), 1), (UsageError("try x"), 2)]
)
def test_an_expected_failure_is_one_line(error, code, capsys) -> None:
    assert code_of(raising(error)) == code
    assert capsys.readouterr().err == f"unslow: {error}\n"


def test_an_interrupt_leaves_with_130(capsys) -> None:
    assert code_of(raising(KeyboardInterrupt())) == 130
    assert "interrupted" in capsys.readouterr().err


def test_a_defect_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        command(raising(ZeroDivisionError()))()


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom unslow.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'libcst', 'scipy', 'pglast', 'psycopg', 'jinja2', 'django', 'sqlalchemy'}\n"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("missing", ["typer", "psycopg"])
def test_without_the_lab_the_command_names_what_to_install(missing) -> None:
    code = (
        f"import sys; sys.modules['{missing}'] = None; from unslow.cli import main; main(['audit'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == f"unslow: {missing} is missing; run: pip install 'unslow[lab]'\n"

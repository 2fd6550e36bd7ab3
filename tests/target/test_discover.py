"""What `unslow audit` takes for the application, and what it says when it cannot tell."""

import sys
from pathlib import Path

import pytest

from unslow.errors import UsageError
from unslow.lab.target import Settings, Target, discover, read_settings


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DJANGO_SETTINGS_MODULE", "PYTHONPATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)


def write(folder: Path, **files: str) -> Path:
    """`write(tmp_path, shop__views_py="…")` makes shop/views.py."""
    for name, text in files.items():
        path = folder / (name.replace("__", "/").removesuffix("_py") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


MANAGE = """
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""
WSGI = """
from django.core.wsgi import get_wsgi_application
application = get_wsgi_application()
"""
FASTAPI = "from fastapi import FastAPI\napp = FastAPI()\n"
FLASK = "import flask\napp = flask.Flask(__name__)\n"


def find(folder: Path, argument: str | None = None, *command: str) -> Target:
    return discover(argument, command, cwd=folder, settings=read_settings(folder))


def refusal(folder: Path, argument: str | None = None, *command: str) -> str:
    with pytest.raises(UsageError) as caught:
        find(folder, argument, *command)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_an_empty_folder_is_refused_with_the_remedy(tmp_path: Path) -> None:
    message = refusal(tmp_path)
    assert "No application found" in message
    assert "unslow audit -- gunicorn" in message


def test_a_library_without_an_application_is_refused(tmp_path: Path) -> None:
    write(tmp_path, app_py="def app(x): return x\nprint(1)\n", main_py="x = dict()\n")
    assert "No application found" in refusal(tmp_path)


def test_a_file_that_does_not_parse_is_no_application(tmp_path: Path) -> None:
    write(tmp_path, main_py="app = FastAPI(\n")
    assert "No application found" in refusal(tmp_path)


def test_applications_in_tests_and_environments_do_not_count(tmp_path: Path) -> None:
    write(tmp_path, tests__main_py=FASTAPI, env__lib__main_py=FASTAPI)
    (tmp_path / "env" / "pyvenv.cfg").touch()
    assert "No application found" in refusal(tmp_path)


def test_several_applications_are_named(tmp_path: Path) -> None:
    write(tmp_path, one__main_py=FASTAPI, two__main_py=FASTAPI)
    (tmp_path / "one" / "__init__.py").touch()
    (tmp_path / "two" / "__init__.py").touch()
    message = refusal(tmp_path)
    assert "one.main:app, two.main:app" in message
    assert "unslow audit one.main:app" in message


def test_several_django_projects_are_named(tmp_path: Path) -> None:
    write(tmp_path, a__manage_py=MANAGE, b__manage_py=MANAGE)
    message = refusal(tmp_path)
    assert "a/manage.py, b/manage.py" in message


def test_a_missing_path_is_refused(tmp_path: Path) -> None:
    assert "There is no backend/manage.py" in refusal(tmp_path, "backend/manage.py")


def test_a_missing_program_is_refused(tmp_path: Path) -> None:
    message = refusal(tmp_path, None, "no-such-server", "app")
    assert "'no-such-server' is not found" in message


def test_a_manage_py_with_wsgi_starts_gunicorn(tmp_path: Path) -> None:
    write(tmp_path, manage_py=MANAGE, config__settings_py="", config__wsgi_py=WSGI)
    target = find(tmp_path)
    assert target.command == ("gunicorn", "config.wsgi")
    assert target.kind == "django"
    assert target.root == tmp_path
    assert target.folder == ""


def test_a_manage_py_without_wsgi_starts_runserver(tmp_path: Path) -> None:
    write(tmp_path, manage_py=MANAGE, config__settings_py="")
    assert find(tmp_path).command[1:] == ("manage.py", "runserver")


def test_split_settings_lead_to_the_projects_wsgi(tmp_path: Path) -> None:
    manage = MANAGE.replace("config.settings", "config.settings.local")
    write(tmp_path, manage_py=manage, config__settings__local_py="", config__wsgi_py=WSGI)
    assert find(tmp_path).command == ("gunicorn", "config.wsgi")


def test_a_project_below_the_folder_keeps_the_folder_as_root(tmp_path: Path) -> None:
    write(tmp_path, backend__manage_py=MANAGE)
    target = find(tmp_path)
    assert (target.root, target.folder) == (tmp_path, "backend")


def test_a_path_to_manage_py_makes_its_folder_the_root(tmp_path: Path) -> None:
    write(tmp_path, a__manage_py=MANAGE, b__manage_py=MANAGE)
    assert find(tmp_path, "b/manage.py").root == tmp_path / "b"
    assert find(tmp_path, "b").root == tmp_path / "b"


def test_the_settings_module_alone_names_a_django_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "mysettings")
    target = find(write(tmp_path, mysettings_py=""))
    assert target.command[1:] == ("-m", "django", "runserver")


@pytest.mark.parametrize(
    ("file", "text", "command"),
    [
        ("main_py", FASTAPI, ("uvicorn", "main:app")),
        ("app_py", FLASK, ("gunicorn", "app:app")),
        ("api_py", FASTAPI.replace("app =", "api ="), ("uvicorn", "api:api")),
        ("wsgi_py", "def application(environ, start_response): ...",
         ("gunicorn", "wsgi:application")),
        ("asgi_py", "async def app(scope, receive, send): ...", ("uvicorn", "asgi:app")),
        ("main_py", "from starlette.applications import Starlette\napp: X = Starlette()",
         ("uvicorn", "main:app")),
        ("main_py", "from fastapi import FastAPI\ndef make():\n    return FastAPI()\napp = make()",
         ("uvicorn", "main:app")),
        ("app_py", "from flask import Flask\ndef create_app(config=None):\n    return Flask('x')",
         ("gunicorn", "app:create_app()")),
        ("main_py", "from fastapi import FastAPI\ndef make():\n    app = FastAPI()\n    return app",
         ("uvicorn", "--factory", "main:make")),
    ],
)  # fmt: skip
def test_an_object_is_found_without_importing_it(
    tmp_path: Path, file: str, text: str, command: tuple[str, ...]
) -> None:
    write(tmp_path, **{file: "raise_if_imported = 1 / 0\n" + text})
    assert find(tmp_path).command == command


def test_an_object_in_a_package_gets_its_dotted_name(tmp_path: Path) -> None:
    write(tmp_path, shop____init___py="", shop__main_py=FASTAPI)
    (tmp_path / "shop").mkdir(exist_ok=True)
    (tmp_path / "shop" / "__init__.py").touch()
    assert find(tmp_path).command == ("uvicorn", "shop.main:app")


def test_a_src_folder_comes_onto_the_path(tmp_path: Path) -> None:
    write(tmp_path, src__shop__main_py=FASTAPI)
    (tmp_path / "src" / "shop" / "__init__.py").touch()
    target = find(tmp_path)
    assert target.command == ("uvicorn", "shop.main:app")
    assert target.env["PYTHONPATH"] == str(tmp_path / "src")


def test_the_object_of_a_likely_file_wins_over_a_helper(tmp_path: Path) -> None:
    write(tmp_path, main_py=FASTAPI, tools__stub_py=FASTAPI)
    assert find(tmp_path).command == ("uvicorn", "main:app")


def test_a_module_and_attribute_are_served_by_their_protocol(tmp_path: Path) -> None:
    write(tmp_path, one_py=FASTAPI, two_py=FLASK)
    assert find(tmp_path, "one:app").command == ("uvicorn", "one:app")
    assert find(tmp_path, "two:app").command == ("gunicorn", "two:app")


def test_a_command_is_taken_as_it_is(tmp_path: Path) -> None:
    target = find(tmp_path, None, "gunicorn", "-w", "3", "shop.wsgi")
    assert target.command == ("gunicorn", "-w", "3", "shop.wsgi")
    assert target.root == tmp_path
    assert target.python.parent == Path(sys.prefix) / "bin"


def test_a_program_of_another_environment_names_the_interpreter(tmp_path: Path) -> None:
    script = tmp_path / "venv" / "bin" / "gunicorn"
    script.parent.mkdir(parents=True)
    script.write_text(f"#!{sys.executable}\n")
    script.chmod(0o755)
    assert find(tmp_path, None, "venv/bin/gunicorn", "x").python == Path(sys.executable)


def test_the_folders_own_environment_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VIRTUAL_ENV")
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    python.with_name("gunicorn").touch()
    target = find(tmp_path, None, "gunicorn", "shop.wsgi")
    assert target.python == python


def test_settings_name_the_command(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[tool.unslow]\ncommand = "gunicorn -w 2 shop.wsgi"\nsources = ["lib"]\nlogin = "admin"\n'
        'env = { A = "1" }\n'
    )
    below = tmp_path / "below"
    below.mkdir()
    target = find(below)
    assert target.command == ("gunicorn", "-w", "2", "shop.wsgi")
    assert target.root == tmp_path
    assert target.sources == ("lib",)
    assert target.env == {"A": "1"}


def test_an_unknown_setting_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.unslow]\ncomand = 'x'\n")
    with pytest.raises(UsageError, match="no setting 'comand'"):
        read_settings(tmp_path)


def test_a_setting_of_the_wrong_type_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.unslow]\nlogin = 3\n")
    with pytest.raises(UsageError, match="login"):
        read_settings(tmp_path)


def test_broken_toml_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool")
    with pytest.raises(UsageError, match="not valid TOML"):
        read_settings(tmp_path)


def test_no_pyproject_means_defaults(tmp_path: Path) -> None:
    assert read_settings(tmp_path) == Settings()


def test_an_interpreter_without_the_framework_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = tmp_path / "bare"
    bare.write_text("#!/bin/sh\nexit 1\n")
    bare.chmod(0o755)
    write(tmp_path, main_py=FASTAPI)
    (tmp_path / "pyproject.toml").write_text(f"[tool.unslow]\npython = '{bare}'\n")
    assert "does not run" in refusal(tmp_path)

"""Start commands keep their meaning and listen where unslow wants."""

import pytest

from unslow.lab.target._commands import listen_at, module_of, server_of


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("./serve.sh --port 80", "./serve.sh --port 80"),
        ("python app.py 8000", "python app.py 8000"),
        ("python manage.py migrate", "python manage.py migrate"),
        ("flask shell", "flask shell"),
        ("gunicorn -w 2 x.wsgi", "gunicorn -w 2 x.wsgi --bind 127.0.0.1:9"),
        ("gunicorn -b :80 -b unix:/s x", "gunicorn x --bind 127.0.0.1:9"),
        ("gunicorn -b0.0.0.0:80 x", "gunicorn x --bind 127.0.0.1:9"),
        ("gunicorn --bind=0.0.0.0:80 -c conf.py x", "gunicorn -c conf.py x --bind 127.0.0.1:9"),
        ("gunicorn --daemon --pid /run/x x", "gunicorn x --bind 127.0.0.1:9"),
        ("/v/bin/python -m gunicorn -b :1 x", "/v/bin/python -m gunicorn x --bind 127.0.0.1:9"),
        ("python3.12 -X dev -m uvicorn x:app --port 80",
         "python3.12 -X dev -m uvicorn x:app --host 127.0.0.1 --port 9"),
        ("uvicorn --host 0.0.0.0 --port=80 x:app --workers 2 --reload",
         "uvicorn x:app --workers 2 --host 127.0.0.1 --port 9"),
        ("uv run uvicorn x:app", "uv run uvicorn x:app --host 127.0.0.1 --port 9"),
        ("env A=1 uvicorn x:app", "env A=1 uvicorn x:app --host 127.0.0.1 --port 9"),
        ("granian --interface asgi --port 80 x:app",
         "granian --interface asgi x:app --host 127.0.0.1 --port 9"),
        ("hypercorn -b :80 x:app", "hypercorn x:app --bind 127.0.0.1:9"),
        ("flask --app x run -p 80 --debug",
         "flask --app x run --debug --host 127.0.0.1 --port 9 --no-reload"),
        ("python manage.py runserver", "python manage.py runserver 127.0.0.1:9 --noreload"),
        ("./manage.py runserver 0:8000 --noreload -v 2",
         "./manage.py runserver -v 2 127.0.0.1:9 --noreload"),
        ("python -m django runserver 8000", "python -m django runserver 127.0.0.1:9 --noreload"),
        ("manage.py runserver --settings x 80",
         "manage.py runserver --settings x 127.0.0.1:9 --noreload"),
        ("waitress-serve --listen=*:80 x:app", "waitress-serve x:app --listen 127.0.0.1:9"),
    ],
)  # fmt: skip
def test_only_the_address_changes(given: str, wanted: str) -> None:
    assert " ".join(listen_at(given.split(), 9)) == wanted


def test_listening_elsewhere_twice_is_the_same_as_once() -> None:
    once = listen_at(["gunicorn", "-w", "2", "x.wsgi"], 9)
    assert listen_at(once, 9) == once


@pytest.mark.parametrize(
    ("command", "module"),
    [
        ("python app.py", None),
        ("python manage.py runserver", None),
        ("gunicorn --config conf.py", None),
        ("gunicorn shop.wsgi", "shop.wsgi"),
        ("gunicorn shop.wsgi:application", "shop.wsgi"),
        ("gunicorn --preload shop.wsgi", "shop.wsgi"),
        ("gunicorn shop.wsgi -k gthread", "shop.wsgi"),
        ("gunicorn -k uvicorn.workers.UvicornWorker --preload shop", "shop"),
        ("uvicorn --loop uvloop shop.main:app --log-level info", "shop.main"),
        ("granian --interface wsgi shop:app", "shop"),
        ("flask --app shop run", "shop"),
        ("uvicorn --factory shop.main:create", "shop.main"),
    ],
)
def test_the_applications_module_is_read_from_the_command(command: str, module: str | None) -> None:
    assert module_of(command.split()) == module


def test_an_unknown_command_is_no_server() -> None:
    assert server_of(["./serve.sh"]) is None
    assert server_of([]) is None

"""Audit argus-server 2.10.2 from nothing: `python -m benchmarks.field.argus.run`.

Installs it into its own virtual environment below `--folder`, migrates and fills a database on
the embedded PostgreSQL, and runs `unslow audit` on its normal start command.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from unslow.demo.postgres import postgres
from unslow.demo.redis import redis

HERE = Path(__file__).parent
PACKAGES = ("argus-server==2.10.2", "gunicorn==27.0.1")
TOKEN_HEADER = f"Authorization: Token {'a' * 40}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path.home() / ".cache/unslow/field/argus")
    parser.add_argument("--python", default="python3.12", help="argus needs Python 3.10 to 3.13")
    parser.add_argument("--incidents", type=int, default=200)
    parser.add_argument("audit", nargs="*", help="further options of unslow audit, after --")
    options = parser.parse_args()
    python = installed(options.folder, options.python)
    with postgres() as database, redis() as cache:
        dsn = database.create("argus")
        environment = settings(options.folder, dsn, f"{cache.host}:{cache.port}")
        steps: Sequence[Sequence[str]] = (
            (str(python.with_name("django-admin")), "migrate", "--verbosity=0"),
            (str(python.with_name("django-admin")), "collectstatic", "--noinput", "--verbosity=0"),
            (str(python), str(HERE / "populate.py"), str(options.incidents)),
        )
        for step in steps:
            subprocess.run(step, env=environment, check=True)
        return audit(python, environment, options.audit)


def installed(folder: Path, interpreter: str) -> Path:
    """The interpreter of a virtual environment that has argus."""
    python = folder / "venv/bin/python"
    if not (folder / "installed").exists():
        subprocess.run([interpreter, "-m", "venv", "--clear", folder / "venv"], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
        (folder / "installed").touch()
    return python


def settings(folder: Path, dsn: str, redis_server: str) -> dict[str, str]:
    given = {
        "PYTHONPATH": str(HERE),
        "DJANGO_SETTINGS_MODULE": "production_settings",
        "DATABASE_URL": dsn,
        "SECRET_KEY": "q" * 50,
        "ARGUS_FRONTEND_URL": "http://127.0.0.1:8106",
        "ARGUS_COOKIE_DOMAIN": "127.0.0.1",
        "ARGUS_REDIS_SERVER": redis_server,
        "STATIC_ROOT": str(folder / "static"),
        "DEFAULT_FROM_EMAIL": "argus@example.com",
        "EMAIL_HOST": "127.0.0.1",
        "EMAIL_PORT": "1",
        "EMAIL_HOST_USER": "unused",
        "EMAIL_HOST_PASSWORD": "unused",
    }
    return {**os.environ, **given}


def audit(python: Path, environment: Mapping[str, str], extra: Sequence[str]) -> int:
    command = (
        *(sys.executable, "-m", "unslow", "audit"),
        *("--replay", str(HERE / "traffic.jsonl")),
        *("--header", TOKEN_HEADER),
        *extra,
        *("--", str(python.with_name("gunicorn")), "-w", "1", "--threads", "4", "argus.site.wsgi"),
    )
    print(" ".join(command), flush=True)
    return subprocess.run(command, env=dict(environment), cwd=HERE).returncode


if __name__ == "__main__":
    sys.exit(main())

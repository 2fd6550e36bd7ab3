"""Audit pretix 2025.10.2 from nothing: `python -m benchmarks.field.pretix.run`.

Installs it into its own virtual environment below `--folder`, creates and fills its tables on the
embedded PostgreSQL, and runs `unslow audit` on its normal start command.
"""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg

from benchmarks.field._application import Ready, installed, main, package, run
from unslow.demo.postgres import postgres
from unslow.demo.redis import redis

HERE = Path(__file__).parent
PACKAGES = ("pretix==2025.10.2", "gunicorn==27.0.1")
ORDERS = 120
CONFIGURATION = """
[pretix]
instance_name=Audited
url=http://127.0.0.1:8107
currency=EUR
datadir={data}
ecb_rates=off
[django]
secret={secret}
[database]
backend=postgresql
name=pretix
user={user}
host={host}
port={port}
[redis]
location={redis}
[mail]
from=audit@example.com
host=127.0.0.1
"""


@contextlib.contextmanager
def prepared(folder: Path, interpreter: str) -> Iterator[Ready]:
    python = installed(folder, interpreter, PACKAGES)
    with tempfile.TemporaryDirectory() as data, postgres() as database, redis() as cache:
        database.create("pretix")
        configuration = Path(data, "pretix.cfg")
        configuration.write_text(
            CONFIGURATION.format(
                data=data,
                secret="q" * 50,
                user=database.user,
                host=database.host,
                port=database.port,
                redis=cache.url,
            )
        )
        environment = {
            **os.environ,
            "PRETIX_CONFIG_FILE": str(configuration),
            "DJANGO_SETTINGS_MODULE": "pretix.settings",
        }
        run(environment, python, HERE / "schema.py")
        run(environment, python, HERE / "populate.py", str(ORDERS))
        with psycopg.connect(database.dsn("pretix"), autocommit=True) as connection:
            connection.execute("ANALYZE")
        command = (str(python.with_name("gunicorn")), "-w", "1", "--threads", "4", "pretix.wsgi")
        header = f"Authorization: Token {'k' * 64}"
        yield Ready(
            HERE,
            environment,
            command,
            header,
            HERE / "traffic.jsonl",
            package(python, "pretix"),
            database.dsn("pretix"),
            database.log,
            HERE / "pages.jsonl",
        )


if __name__ == "__main__":
    sys.exit(main("pretix", prepared, __doc__))

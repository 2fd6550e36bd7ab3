"""Audit airflow 3.1.1's API server from nothing: `python -m benchmarks.field.airflow.run`.

Installs it into its own virtual environment below `--folder`, loads its example DAGs and adds runs
on the embedded PostgreSQL, and runs `unslow audit` on its normal start command.
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

HERE = Path(__file__).parent
AIRFLOW = (
    *("--exclude-newer", "2025-11-01"),
    *("apache-airflow==3.1.1", "asyncpg", "psycopg2-binary", "apache-airflow-providers-standard"),
)
STRUCTLOG = ("structlog==25.4.0",)
RUNS = 6  # of each DAG


@contextlib.contextmanager
def prepared(folder: Path, interpreter: str) -> Iterator[Ready]:
    python = installed(folder, interpreter, AIRFLOW, STRUCTLOG)
    airflow = python.with_name("airflow")
    with tempfile.TemporaryDirectory() as home, postgres() as database:
        dsn = database.create("airflow")
        environment = {
            **os.environ,
            "AIRFLOW_HOME": home,
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": dsn.replace("://", "+psycopg2://"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "True",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__API_AUTH__JWT_SECRET": "z" * 64,
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        }
        run(environment, airflow, "db", "migrate")
        run(environment, airflow, "dags", "reserialize")
        token = run(environment, python, HERE / "populate.py", str(RUNS))
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("ANALYZE")
        command = (str(python.with_name("uvicorn")), "airflow.api_fastapi.main:app")
        header = f"Authorization: Bearer {token}"
        yield Ready(
            HERE,
            environment,
            command,
            header,
            HERE / "traffic.jsonl",
            package(python, "airflow"),
            dsn,
            database.log,
        )


if __name__ == "__main__":
    sys.exit(main("airflow", prepared, __doc__))

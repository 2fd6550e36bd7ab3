"""The metrics are where the application puts them, and nowhere else."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit.metrics.serving import DJANGO, STARLETTE, Server, serving

FASTAPI = """
from fastapi import FastAPI
from unslow.kit import asgi, metrics

app = FastAPI()
app.add_middleware(asgi.Middleware, metrics=True)
{expose}

@app.get("/items/{{id}}")
async def item(id: int) -> int:
    return id
"""
FLASK = """
from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from unslow.kit import metrics, wsgi

app = Flask(__name__)

@app.get("/items/<int:id>")
def item(id):
    return str(id)

app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/metrics": metrics.wsgi})
app.wsgi_app = wsgi.Middleware(app.wsgi_app, metrics=True)
"""
UVICORN = ("-m", "uvicorn", "--port", "{port}", "program:app")
GUNICORN = ("-m", "gunicorn", "-b", "127.0.0.1:{port}")


def endpoints(server: Server) -> set[str]:
    return {labels[0] for labels in server.scrape()["http_request_duration_seconds_count"]}


@pytest.mark.parametrize(
    ("source", "command"),
    [
        (FASTAPI.format(expose=""), UVICORN),
        (STARLETTE.replace(',\n          Route("/metrics", metrics.asgi)', ""), UVICORN),
        (DJANGO.replace('path("metrics", metrics.view), ', ""), (*GUNICORN, "program:application")),
    ],
    ids=["fastapi", "starlette", "django"],
)
def test_nothing_is_exposed_by_itself(tmp_path, source, command) -> None:
    assert "metrics.asgi" not in source
    with serving(tmp_path / "app", source, *command) as server:
        assert server.send("/metrics")[0] == 404


def test_fastapi_by_a_route_of_its_own(tmp_path) -> None:
    source = FASTAPI.format(expose='app.add_route("/metrics", metrics.asgi)')
    with serving(tmp_path / "app", source, *UVICORN) as server:
        server.get("/items/1")
        server.get("/items/2")
        server.get("/wp-login.php")
        assert endpoints(server) == {"/items/{id}", "unmatched"}
        assert endpoints(server) == {"/items/{id}", "unmatched", "/metrics"}


def test_fastapi_by_a_mount(tmp_path) -> None:
    source = FASTAPI.format(expose='app.mount("/metrics", metrics.asgi)')
    with serving(tmp_path / "app", source, *UVICORN) as server:
        server.get("/items/1")
        assert "# TYPE" in server.get("/metrics/")


def test_flask_by_a_dispatcher(tmp_path) -> None:
    with serving(tmp_path / "app", FLASK, *GUNICORN, "program:app") as server:
        server.get("/items/1")
        server.get("/nothing")
        assert endpoints(server) == {"/items/<int:id>", "unmatched"}


def test_openmetrics_are_given_to_who_asks(tmp_path) -> None:
    source = FASTAPI.format(expose='app.add_route("/metrics", metrics.asgi)')
    with serving(tmp_path / "app", source, *UVICORN) as server:
        status, text = server.send("/metrics", accept="application/openmetrics-text;version=1.0.0")
        assert (status, text.endswith("# EOF\n")) == (200, True)


def test_the_module_costs_no_prometheus_before_it_starts() -> None:

    source = "import sys, unslow.kit.metrics; print('prometheus_client' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True)
    assert done.stdout.strip() == "False"


def test_dashboards_are_files_that_can_be_read() -> None:
    from unslow.kit import metrics

    assert Path(str(metrics.dashboard())).name == "grafana.json"
    assert Path(str(metrics.alerts())).name == "alerts.yml"
